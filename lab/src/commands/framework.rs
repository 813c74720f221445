//! Which framework a driver runs on.

use std::path::{Path, PathBuf};

use pagewise_lab::survey;

/// The file name of the framework.
const NAME: &str = "wdfldr.sys";

/// The framework that was named; else, for a driver that imports from one, the one beside this
/// program. A driver that cannot be read is none of this module's business: loading it says why.
pub fn of(driver: &Path, named: Option<&Path>) -> Option<PathBuf> {
    if let Some(named) = named {
        return Some(named.to_owned());
    }
    let imports = std::fs::read(driver).ok().and_then(|file| survey::imports(&file).ok())?;
    if !imports.iter().any(|import| import.dll.eq_ignore_ascii_case(NAME)) {
        return None;
    }
    let beside = std::env::current_exe().ok()?.with_file_name(NAME);
    beside.is_file().then_some(beside)
}
