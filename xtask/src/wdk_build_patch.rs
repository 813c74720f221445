//! wdk-build for a Linux host.
//!
//! wdk-build 0.6.0 refuses to compile for any host but Windows. Three small edits are enough, and
//! they are made to a copy of the very source that cargo took from crates.io. The copy replaces the
//! crate through cargo's `paths` override, which leaves `Cargo.lock` as it is. On Windows nothing
//! of this happens.
//!
//! The edits are plain replacements, each of which must find its text the expected number of times:
//! another version of the crate is refused and never half edited.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fs;

/// The crate that is edited.
pub const PACKAGE: &str = "wdk-build";

/// One replacement in one file.
struct Edit {
    /// The file, below the crate's folder.
    file: &'static str,
    /// What is there.
    from: &'static str,
    /// What shall be there.
    to: &'static str,
    /// How often it must be found.
    times: usize,
}

/// Why an edit could not be made.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {from:?} is there {found} times, not {times}")]
pub struct EditError {
    /// The file.
    file: &'static str,
    /// What was looked for.
    from: &'static str,
    /// How often it must be there.
    times: usize,
    /// How often it is.
    found: usize,
}

/// The registry is only the last resort after `WDKContentRoot`, so off Windows it is simply not
/// there; and the `windows` crate does not compile.
const EDITS: &[Edit] = &[
    Edit {
        file: "Cargo.toml",
        from: "\n[dependencies.windows]\n",
        to: "\n[target.'cfg(windows)'.dependencies.windows]\n",
        times: 1,
    },
    Edit {
        file: "src/utils.rs",
        from: "\nuse windows::{\n",
        to: "\n#[cfg(windows)]\nuse windows::{\n",
        times: 1,
    },
    Edit {
        file: "src/utils.rs",
        from: "    ffi::{CStr, OsStr},\n",
        to: "    ffi::OsStr,\n",
        times: 1,
    },
    Edit {
        file: "src/utils.rs",
        from: "    if let Some(path) = read_registry_key_string_value(\n",
        to: "    #[cfg(windows)]\n    if let Some(path) = read_registry_key_string_value(\n",
        times: 2,
    },
    Edit {
        file: "src/utils.rs",
        from: "\nfn read_registry_key_string_value(\n",
        to: "\n#[cfg(windows)]\nfn read_registry_key_string_value(\n",
        times: 1,
    },
    Edit {
        file: "src/utils.rs",
        from: "                    CStr::from_bytes_with_nul",
        to: "                    std::ffi::CStr::from_bytes_with_nul",
        times: 1,
    },
    // Only the cargo-make tasks set variables; a build script never gets there.
    Edit {
        file: "src/utils.rs",
        from: "    compile_error!(\n",
        to: "    unimplemented!(\n",
        times: 2,
    },
    Edit {
        file: "src/cargo_make.rs",
        from: "std::os::windows::fs::symlink_file(",
        to: "std::os::unix::fs::symlink(",
        times: 2,
    },
];

/// Puts the edited copy of the crate in `original` to `copy`.
pub fn prepare(original: &Path, version: &str, copy: &Path) -> Result<()> {
    for file in fs::files_below(original)? {
        let name: PathBuf = file.strip_prefix(original).unwrap_or(&file).to_owned();
        let content = match edited(&name, &file) {
            Some(edited) => edited?
                .map_err(|source| Error::Edit {
                    package: PACKAGE,
                    version: version.to_owned(),
                    source,
                })?
                .into_bytes(),
            None => fs::read(&file)?,
        };
        fs::write_if_changed(&copy.join(&name), &content)?;
    }
    Ok(())
}

/// The file's text after the edits; nothing if none is for this file.
fn edited(name: &Path, file: &Path) -> Option<Result<std::result::Result<String, EditError>>> {
    let mut edits = EDITS.iter().filter(|edit| Path::new(edit.file) == name).peekable();
    edits.peek()?;
    // Some files were published with the line ends of Windows.
    Some(fs::read_text(file).map(|text| edits.try_fold(text.replace("\r\n", "\n"), apply)))
}

fn apply(text: String, edit: &Edit) -> std::result::Result<String, EditError> {
    let found = text.matches(edit.from).count();
    if found == edit.times {
        return Ok(text.replace(edit.from, edit.to));
    }
    Err(EditError { file: edit.file, from: edit.from, times: edit.times, found })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWICE: Edit = Edit { file: "a", from: "x", to: "yy", times: 2 };

    #[test]
    fn replaces_what_is_there_as_often_as_expected() {
        assert_eq!(apply("x-x".to_owned(), &TWICE).unwrap(), "yy-yy");
    }

    #[test]
    fn refuses_text_that_is_not_as_expected() {
        let error = apply("x".to_owned(), &TWICE).unwrap_err();
        assert_eq!(error, EditError { file: "a", from: "x", times: 2, found: 1 });
        assert_eq!(error.to_string(), "a: \"x\" is there 1 times, not 2");
    }

    #[test]
    fn refuses_a_crate_of_another_version_and_names_the_edit() {
        let folder = std::env::temp_dir().join(format!("pagewise-edit-{}", std::process::id()));
        let crate_folder = folder.join("crate");
        fs::write_if_changed(&crate_folder.join("Cargo.toml"), b"[package]\n").unwrap();
        let error = prepare(&crate_folder, "9.9.9", &folder.join("copy")).unwrap_err();
        fs::remove_dir(&folder).unwrap();
        let text = error.to_string();
        assert!(text.contains("wdk-build 9.9.9"), "{text}");
        assert!(text.contains("Cargo.toml"), "{text}");
    }
}
