//! Import libraries from lists of names.
//!
//! The names come from mingw-w64's libraries, which hold them in another form, and from the kit's
//! `.def` files for what those lack. Libraries of one form give an image one import descriptor a
//! DLL.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use ar_archive_writer::{COFFShortExport, MachineTypes, write_import_library};
use object::read::archive::ArchiveFile;

use crate::error::{Error, Result};
use crate::fs;

/// Of how this module writes; part of the kit's digest.
pub const VERSION: &str = "1";

/// What an imported address is called in a library.
const IMPORT_PREFIX: &str = "__imp_";

/// What a DLL exports.
#[derive(Debug, PartialEq, Eq)]
pub struct Exports {
    dll: String,
    /// By name; whether it is data, which has no thunk to call.
    names: BTreeMap<String, bool>,
}

impl Exports {
    /// Of a DLL of which nothing is known yet.
    pub fn none(dll: &str) -> Self {
        Self { dll: dll.to_owned(), names: BTreeMap::new() }
    }

    /// Of a module-definition file: `LIBRARY`, `EXPORTS`, one name a line, comments after `;`.
    pub fn of_definition(path: &Path) -> Result<Self> {
        Self::parse_definition(&fs::read_text(path)?).ok_or_else(|| Error::Library {
            path: path.to_owned(),
            why: "no LIBRARY line".to_owned(),
        })
    }

    fn parse_definition(text: &str) -> Option<Self> {
        let mut lines = text
            .lines()
            .map(|line| line.split(';').next().unwrap_or_default().trim())
            .filter(|line| !line.is_empty());
        let mut exports = Self::none(lines.next()?.strip_prefix("LIBRARY")?.trim());
        for line in lines.filter(|&line| line != "EXPORTS") {
            let (name, data) =
                line.strip_suffix(" DATA").map_or((line, false), |name| (name, true));
            exports.names.insert(name.trim().to_owned(), data);
        }
        Some(exports)
    }

    /// Adds what a library imports: `__imp_X` with `X` beside it is a routine, alone it is data.
    pub fn add_library(&mut self, path: &Path) -> Result<()> {
        let broken =
            |error: object::Error| Error::Library { path: path.to_owned(), why: error.to_string() };
        let file = fs::read(path)?;
        let archive = ArchiveFile::parse(file.as_slice()).map_err(broken)?;
        let mut symbols = std::collections::BTreeSet::new();
        if let Some(table) = archive.symbols().map_err(broken)? {
            for symbol in table {
                let symbol = symbol.map_err(broken)?;
                symbols.insert(String::from_utf8_lossy(symbol.name()).into_owned());
            }
        }
        if symbols.is_empty() {
            return Err(Error::Library {
                path: path.to_owned(),
                why: "it has no symbols".to_owned(),
            });
        }
        for name in symbols.iter().filter_map(|symbol| symbol.strip_prefix(IMPORT_PREFIX)) {
            self.names.entry(name.to_owned()).or_insert(!symbols.contains(name));
        }
        Ok(())
    }

    /// Writes the import library.
    pub fn write(&self, path: &Path) -> Result<()> {
        let exports: Vec<COFFShortExport> = self
            .names
            .iter()
            .map(|(name, &data)| COFFShortExport {
                name: name.clone(),
                ext_name: None,
                symbol_name: None,
                import_name: None,
                export_as: None,
                ordinal: 0,
                noname: false,
                data,
                private: false,
                constant: false,
            })
            .collect();
        let mut file = Cursor::new(Vec::new());
        write_import_library(
            &mut file,
            &self.dll,
            &exports,
            MachineTypes::AMD64,
            false,
            false,
            &[],
        )
        .map_err(Error::file("write", path))?;
        fs::write_if_changed(path, &file.into_inner()).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFINITION: &str = "; a comment\nLIBRARY a.sys\nEXPORTS\nFirst ; another\nSecond DATA\n";

    #[test]
    fn reads_definitions() {
        let exports = Exports::parse_definition(DEFINITION).unwrap();
        assert_eq!(exports.dll, "a.sys");
        assert_eq!(exports.names.get("First"), Some(&false));
        assert_eq!(exports.names.get("Second"), Some(&true));
        assert_eq!(exports.names.len(), 2);
        assert_eq!(Exports::parse_definition("EXPORTS\nFirst\n"), None);
    }

    #[test]
    fn what_is_written_can_be_read_again() {
        let exports = Exports::parse_definition(DEFINITION).unwrap();
        let path = std::env::temp_dir().join(format!("pagewise-{}.lib", std::process::id()));
        exports.write(&path).unwrap();
        let mut read = Exports::none("a.sys");
        read.add_library(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(read, exports);
    }

    #[test]
    fn a_file_that_is_no_library_is_refused_by_name() {
        let path = std::env::temp_dir().join(format!("pagewise-{}.txt", std::process::id()));
        fs::write_if_changed(&path, b"no library").unwrap();
        let error = Exports::none("a.sys").add_library(&path).unwrap_err();
        fs::remove_file(&path).unwrap();
        assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
    }
}
