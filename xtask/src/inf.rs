//! The driver's INF: stamped and held against the rules on every build.

pub mod date;
mod lint;

use std::path::Path;

use pagewise_package::inf::{self, Date, Inf, Options, Stamp};

use crate::error::{Error, Result};
use crate::fs;
use crate::workspace::Workspace;

pub use lint::{Arguments, run};

/// The source of the INF.
const INX: &str = "inf/pagewise.inx";
/// The INF, in the folder of what was built.
const INF: &str = "pagewise.inf";
/// The version of KMDF that the driver is built for: `[workspace.metadata.wdk]` says the same, and
/// a test sees to it.
const KMDF: (u16, u16) = (1, 31);

/// Makes `pagewise.inf` in `out` of `inf/pagewise.inx`: the date is that of the commit in UTC, the
/// version that of the workspace. A finding of the linter, a warning too, is an error.
pub fn stamp(workspace: &Workspace, out: &Path) -> Result<()> {
    let source = workspace.root().join(INX);
    let stamped = stamped(&source, &fs::read(&source)?, date::of(workspace)?)?;
    fs::write_if_changed(&out.join(INF), &stamped)?;
    Ok(())
}

/// The INF of an INX, if it keeps every rule.
fn stamped(source: &Path, inx: &[u8], date: Date) -> Result<Vec<u8>> {
    let stamp = Stamp { date, version: version(), kmdf: KMDF };
    let path = || source.to_owned();
    let stamped = inf::stamp(inx, &stamp)
        .map_err(|error| Error::NotStamped { path: path(), source: error })?;
    let options = Options { kmdf: Some(KMDF), wine: true };
    let findings = inf::lint(&Inf::read(&stamped), &options);
    if findings.is_empty() { Ok(stamped) } else { Err(Error::BadInf { path: path(), findings }) }
}

/// The workspace's version as `DriverVer` has it: a.b.c becomes a.b.c.0.
fn version() -> [u16; 4] {
    let mut version = [0; 4];
    for (part, text) in version.iter_mut().zip(env!("CARGO_PKG_VERSION").split(['.', '-', '+'])) {
        *part = text.parse().unwrap_or(0);
    }
    version[3] = 0;
    version
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_workspaces() {
        let [a, b, c, d] = version();
        assert_eq!((format!("{a}.{b}.{c}"), d), (env!("CARGO_PKG_VERSION").to_owned(), 0));
    }

    #[test]
    fn what_breaks_a_rule_is_not_built() {
        let inx = fs::read_text(&Workspace::this().root().join(INX)).unwrap();
        let date = Date::from_unix(0).unwrap();
        assert!(stamped(Path::new(INX), inx.as_bytes(), date).is_ok());
        let bad = inx.replace("PnpLockdown = 1", "PnpLockdown = 0");
        let error = stamped(Path::new(INX), bad.as_bytes(), date).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("inf/pagewise.inx") && text.contains("1324"), "{text}");
        assert!(text.contains("try: add PnpLockdown = 1"), "{text}");
        assert_eq!(error.exit(), crate::exit::Exit::BadInf);
        let error = stamped(Path::new(INX), b"", date).unwrap_err();
        assert!(matches!(error, Error::NotStamped { .. }), "{error}");
    }

    #[test]
    fn stamps_into_a_folder_and_stamps_the_same_again() {
        let folder = tempfile::tempdir().unwrap();
        stamp(&Workspace::this(), folder.path()).unwrap();
        let path = folder.path().join(INF);
        let first = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        stamp(&Workspace::this(), folder.path()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), first);
        let inf = Inf::read(&first);
        assert_eq!(inf.entry("Pagewise_Framework", "KmdfLibraryVersion").unwrap().value(0), "1.31");
    }
}
