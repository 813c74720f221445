//! The folder that the driver is installed from.

use std::path::{Path, PathBuf};

use crate::error::Error;

/// The files of a driver package that `cargo xtask package` makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// The INF, by an absolute path.
    pub inf: PathBuf,
    /// The certificate that the package is signed with; only needed to trust it.
    pub certificate: PathBuf,
}

/// What a folder has to hold.
const FILES: [&str; 3] = ["pagewise.inf", "pagewise.cat", "pagewise.sys"];
const CERTIFICATE: &str = "pagewise.cer";

impl Package {
    /// The package in a folder; beside this program, if none is named.
    ///
    /// # Errors
    /// [`Error::Package`] with all that is missing.
    pub fn find(folder: Option<&Path>, with_certificate: bool) -> Result<Self, Error> {
        let folder = match folder {
            Some(folder) => folder.to_owned(),
            None => beside_this_program()?,
        };
        let folder = std::path::absolute(&folder).map_err(|source| Error::File {
            what: "find",
            path: folder,
            source,
        })?;
        let wanted = FILES.into_iter().chain(with_certificate.then_some(CERTIFICATE));
        let missing: Vec<_> = wanted.filter(|file| !folder.join(file).is_file()).collect();
        if missing.is_empty() {
            let (inf, certificate) = (folder.join(FILES[0]), folder.join(CERTIFICATE));
            return Ok(Self { inf, certificate });
        }
        Err(Error::Package { folder, missing })
    }
}

fn beside_this_program() -> Result<PathBuf, Error> {
    let unknown = |source| Error::File { what: "find", path: "this program".into(), source };
    let program = std::env::current_exe().map_err(unknown)?;
    Ok(program.parent().map(Path::to_owned).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pagewise.inf"), "").unwrap();
        let error = Package::find(Some(folder.path()), true).unwrap_err();
        let Error::Package { missing, .. } = &error else { panic!("{error}") };
        assert_eq!(missing, &["pagewise.cat", "pagewise.sys", "pagewise.cer"]);
        for file in FILES {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        assert!(Package::find(Some(folder.path()), true).is_err());
        let package = Package::find(Some(folder.path()), false).unwrap();
        assert!(package.inf.is_absolute());
    }

    #[test]
    fn a_folder_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        for file in FILES {
            std::fs::create_dir(folder.path().join(file)).unwrap();
        }
        assert!(Package::find(Some(folder.path()), false).is_err());
    }
}
