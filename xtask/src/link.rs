//! The linker that rustc is given: lld-link behind a front that knows what a driver needs.
//!
//! `target/kit/bin/lld-link` is this very program under another name. It drops what lld does not
//! know, links, and then marks the resident sections as link.exe's `/DRIVER` does by itself
//! (github.com/microsoft/windows-drivers-rs issue 182: lld does not).

mod stage;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fs;
use crate::link::stage::Stage;
use crate::pe;
use crate::run;

/// The name under which the program is the linker.
pub const NAME: &str = "lld-link";
/// The name under which the program is the librarian (cc calls it for wdk-sys's C file).
pub const LIBRARIAN: &str = "llvm-lib";

/// Arguments of link.exe that Debian 12's lld-link does not know: a promise that objects are
/// compiled for the kernel, more text in the map file, and the checksum, which [`finish`] sets.
const UNKNOWN_TO_LLD: &[&str] = &["/kernel", "/mapinfo:exports", "/release"];

/// What is added: time stamps made from the content, no folder in the debug directory, and a folder
/// of the same name on every machine in the PDB.
const ADDED: &[&str] = &["/BREPRO", "/PDBALTPATH:%_PDB%", "/PDBSOURCEPATH:/pagewise"];

/// Runs as the linker, on rustc's arguments.
pub fn link(arguments: Vec<OsString>) -> Result<()> {
    let arguments = for_lld(arguments);
    let output = output(&arguments)?;
    let mut stage = Stage::new(output.with_extension("link"))?;
    let mut linker = run::command(NAME);
    for argument in &arguments {
        linker.arg(stage.argument(argument)?);
    }
    run::quiet(linker.args(ADDED).current_dir(stage.folder()))?;
    if is_driver(&arguments) {
        finish(&output)?;
    }
    fs::remove_dir(stage.folder())
}

/// Runs as the librarian.
pub fn librarian(arguments: Vec<OsString>) -> Result<()> {
    run::quiet(run::command(NAME).arg("/lib").args(arguments)).map(drop)
}

fn for_lld(arguments: Vec<OsString>) -> Vec<OsString> {
    arguments
        .into_iter()
        .filter(|argument| {
            let lower = argument.to_string_lossy().to_ascii_lowercase();
            !UNKNOWN_TO_LLD.contains(&lower.as_str())
        })
        .collect()
}

fn is_driver(arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| argument.to_string_lossy().eq_ignore_ascii_case("/driver"))
}

fn output(arguments: &[OsString]) -> Result<PathBuf> {
    let found = arguments.iter().find_map(|argument| {
        let text = argument.to_string_lossy();
        let (key, value) = text.split_once(':')?;
        key.eq_ignore_ascii_case("/out").then(|| PathBuf::from(value))
    });
    found.ok_or_else(|| Error::LinkArguments {
        what: "/OUT:",
        arguments: arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
    })
}

/// Marks the resident sections of a linked driver and sets its checksum.
fn finish(path: &Path) -> Result<()> {
    let not_an_image =
        |error: object::Error| Error::NotAnImage { path: path.to_owned(), why: error.to_string() };
    let mut file = fs::read(path)?;
    pe::mark_residents(&mut file).map_err(not_an_image)?;
    pe::set_checksum(&mut file).map_err(not_an_image)?;
    fs::write_if_changed(path, &file).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn drops_what_lld_does_not_know_and_nothing_else() {
        let left = for_lld(words("/DRIVER /KERNEL /MAP /MAPINFO:EXPORTS /kernel32.lib /OUT:a.dll"));
        assert_eq!(left, words("/DRIVER /MAP /kernel32.lib /OUT:a.dll"));
    }

    #[test]
    fn finds_the_output_and_says_when_there_is_none() {
        assert_eq!(output(&words("/NOLOGO /out:x/y.dll")).unwrap(), PathBuf::from("x/y.dll"));
        assert!(output(&words("/NOLOGO")).unwrap_err().to_string().contains("/OUT:"));
    }

    #[test]
    fn only_drivers_are_finished() {
        assert!(is_driver(&words("/NOLOGO /DRIVER")));
        assert!(!is_driver(&words("/NOLOGO /DLL")));
    }
}
