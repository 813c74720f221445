//! The driver's files outside the driver store. Windows has none: it runs the driver from there,
//! and takes INF and catalog along when the package goes. Wine 8 has no store: it copies what the
//! INF wants there to `system32\unknown`, and leaves that, the compiled INF and the catalog.

use std::fs;
use std::path::PathBuf;

use crate::error::Error;
use crate::win32::host;

/// The files that are there.
pub(super) fn there() -> Vec<String> {
    const PLACES: [&str; 4] = [
        r"system32\unknown\pagewise.sys",
        r"system32\drivers\pagewise.sys",
        r"INF\pagewise.pnf",
        // The system's own catalogs, under the GUID of the driver verification policy.
        r"system32\catroot\{F750E6C3-38EE-11D1-85E5-00C04FC295EE}\pagewise.cat",
    ];
    let places = PLACES.map(|place| host::windows_folder().join(place));
    let there = places.iter().filter(|path| path.exists());
    there.map(|path| path.display().to_string()).collect()
}

/// Deletes one.
pub(super) fn remove(path: &str) -> Result<(), Error> {
    let path = PathBuf::from(path);
    match fs::remove_file(&path) {
        Err(source) if path.exists() => Err(Error::File { what: "delete", path, source }),
        _ => Ok(()),
    }
}
