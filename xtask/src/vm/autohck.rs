//! A functional-test suite for AutoHCK, so that a lab which runs it can take our driver as it is.
//!
//! AutoHCK runs suites of JSON cases against a Windows client over WinRM; the format is that of
//! its own page, HCK-CI/AutoHCK:docs/Functest-Engine.md. The suite installs nothing through AutoHCK:
//! it brings the package along as test binaries, and `test-app.exe` does the rest, as in
//! `cargo xtask vm run`. No AutoHCK has run it yet.

mod cases;
mod format;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::Result;
use crate::fs;
use format::Suite;

/// Where AutoHCK looks for its suites and cases, below its checkout.
const TESTS: &str = "lib/engines/functest/tests";

/// The folder of our cases, and the name of our suite.
const NAME: &str = "pagewise";

/// Writes the suite and its cases below `folder`, in the folders of an AutoHCK checkout; the files.
///
/// # Errors
/// Where a file cannot be written.
pub fn emit(folder: &Path) -> Result<Vec<PathBuf>> {
    files().into_iter().map(|(path, text)| write(folder.join(path), &text)).collect()
}

fn write(path: PathBuf, text: &str) -> Result<PathBuf> {
    fs::write_if_changed(&path, text.as_bytes())?;
    Ok(path)
}

/// Every file, by its path below an AutoHCK checkout.
fn files() -> Vec<(PathBuf, String)> {
    let tests = Path::new(TESTS);
    let cases = cases::all();
    let suite = Suite {
        name: NAME,
        description: "pagewise.sys, paged entire: installed, verified, under Driver Verifier",
        tests: cases.iter().map(|case| format!("{NAME}/{}", case.name)).collect(),
    };
    let mut files = vec![(tests.join(format!("suites/{NAME}.json")), json(&suite))];
    for case in &cases {
        files.push((tests.join(format!("cases/{NAME}/{}.json", case.name)), json(case)));
    }
    files
}

fn json(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    text + "\n"
}
