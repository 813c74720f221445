//! Names for the linker that are the same on every machine.
//!
//! A PDB holds the command line and the path of every object, and the image holds a hash of the
//! PDB. So that the same sources give the same image wherever they lie, the linker runs in a folder
//! of links and is told paths within that: `d0/symbols.o` instead of a path with the name of the
//! checkout, of the user, and a random part that rustc makes up for each link.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::fs;

/// Options whose value is the path of a file.
const FILES: &[&str] = &["/def", "/implib", "/natvis", "/out", "/pdb"];
/// Options whose value is the path of a folder.
const FOLDERS: &[&str] = &["/libpath"];

/// A folder of links.
pub struct Stage {
    folder: PathBuf,
    /// What `d0`, `d1`, … stand for.
    folders: Vec<PathBuf>,
}

impl Stage {
    /// An empty one.
    pub fn new(folder: PathBuf) -> Result<Self> {
        fs::remove_dir(&folder)?;
        fs::create_dir(&folder)?;
        Ok(Self { folder, folders: Vec::new() })
    }

    /// Where the linker runs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// An argument as it reads from within the folder.
    pub fn argument(&mut self, argument: &OsStr) -> Result<OsString> {
        let text = argument.to_string_lossy();
        if let Some((option, value)) = text.split_once(':') {
            let lower = option.to_ascii_lowercase();
            let value = Path::new(value);
            if FILES.contains(&lower.as_str()) && value.is_absolute() {
                return Ok(format!("{option}:{}", self.file(value)?).into());
            }
            if FOLDERS.contains(&lower.as_str()) && value.is_absolute() {
                return Ok(format!("{option}:{}", self.enter(value)?).into());
            }
        }
        let path = Path::new(argument);
        if path.is_absolute() && path.is_file() {
            return Ok(self.file(path)?.into());
        }
        Ok(argument.to_owned())
    }

    fn file(&mut self, path: &Path) -> Result<String> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(path.to_string_lossy().into_owned());
        };
        Ok(format!("{}/{}", self.enter(parent)?, name.to_string_lossy()))
    }

    fn enter(&mut self, folder: &Path) -> Result<String> {
        let known = self.folders.iter().position(|known| known == folder);
        let name = format!("d{}", known.unwrap_or(self.folders.len()));
        if known.is_none() {
            fs::link(folder, &self.folder.join(&name))?;
            self.folders.push(folder.to_owned());
        }
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_their_folders_and_options_stay() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().to_str().unwrap();
        fs::write_if_changed(&folder.path().join("one.o"), b"").unwrap();
        let mut stage = Stage::new(folder.path().join("stage")).unwrap();
        let mut staged =
            |text: &str| stage.argument(OsStr::new(text)).unwrap().into_string().unwrap();
        assert_eq!(staged(&format!("{here}/one.o")), "d0/one.o");
        assert_eq!(staged(&format!("/OUT:{here}/deps/two.dll")), "/OUT:d1/two.dll");
        assert_eq!(staged(&format!("/LIBPATH:{here}")), "/LIBPATH:d0");
        assert_eq!(staged("/SECTION:INIT,ERD"), "/SECTION:INIT,ERD");
        assert_eq!(staged("/DRIVER"), "/DRIVER");
        assert_eq!(staged("ntdll.lib"), "ntdll.lib");
        assert!(folder.path().join("stage/d0/one.o").is_file());
    }
}
