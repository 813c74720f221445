//! Running cargo with our own progress line.

use std::io::{BufRead as _, BufReader, IsTerminal as _};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::progress::Step;
use crate::run;

/// What cargo says when a `paths` override has other dependencies than the crate: ours moves one
/// behind `cfg(windows)`, on purpose.
const OVERRIDE_WARNING: &str = "path override for crate `wdk-build` has altered";

/// The last line of that warning.
const OVERRIDE_WARNING_END: &str =
    "https://doc.rust-lang.org/cargo/reference/overriding-dependencies";

/// Runs cargo. Its status lines move `step`'s line; diagnostics are shown as they are.
pub fn run(command: &mut Command, step: &Step) -> Result<()> {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    command.env("CARGO_TERM_COLOR", if colour { "always" } else { "never" });
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child =
        command.spawn().map_err(|source| Error::Spawn { program: run::name(command), source })?;
    if let Some(stderr) = child.stderr.take() {
        show(BufReader::new(stderr), step);
    }
    let status =
        child.wait().map_err(|source| Error::Spawn { program: run::name(command), source })?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Program { program: run::name(command), status, output: String::new() })
}

fn show(reader: impl std::io::Read, step: &Step) {
    let mut filter = Filter::default();
    for line in BufReader::new(reader).split(b'\n').map_while(std::result::Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        match filter.judge(&line) {
            Shown::Status(text) => step.detail(&text),
            Shown::Line => step.line(&line),
            Shown::Nothing => {}
        }
    }
}

/// What becomes of a line of cargo's.
#[derive(Debug, PartialEq, Eq)]
enum Shown {
    /// It tells what cargo does.
    Status(String),
    /// It is for the user.
    Line,
    /// It is neither.
    Nothing,
}

/// Tells cargo's lines apart.
#[derive(Default)]
struct Filter {
    /// Within the paragraph of a warning that is not shown.
    hiding: bool,
}

impl Filter {
    fn judge(&mut self, line: &str) -> Shown {
        let plain = without_escapes(line);
        let text = plain.trim();
        if text.starts_with("warning:") || text.starts_with("error") {
            self.hiding = text.contains(OVERRIDE_WARNING);
        } else if status(&plain) {
            self.hiding = false;
            return Shown::Status(text.to_owned());
        }
        if !self.hiding {
            return Shown::Line;
        }
        self.hiding = !text.starts_with(OVERRIDE_WARNING_END);
        Shown::Nothing
    }
}

/// Cargo's status lines are a verb, right-aligned in twelve columns.
fn status(plain: &str) -> bool {
    plain.starts_with(' ')
        && plain.get(..12).is_some_and(|verb| {
            verb.trim_start().starts_with(|first: char| first.is_ascii_uppercase())
                && verb.trim_start().chars().all(|letter| letter.is_ascii_alphabetic())
        })
}

/// The line without terminal colours.
fn without_escapes(line: &str) -> String {
    let mut plain = String::new();
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            letters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(letter);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_are_told_from_diagnostics() {
        let mut filter = Filter::default();
        assert_eq!(
            filter.judge("   Compiling wdk-sys v0.5.2"),
            Shown::Status("Compiling wdk-sys v0.5.2".to_owned())
        );
        assert_eq!(
            filter.judge("\u{1b}[1m\u{1b}[92m   Compiling\u{1b}[0m wdk v0.5.0"),
            Shown::Status("Compiling wdk v0.5.0".to_owned())
        );
        assert_eq!(filter.judge("warning: unused variable"), Shown::Line);
        assert_eq!(filter.judge("  --> driver/src/lib.rs:1:1"), Shown::Line);
    }

    #[test]
    fn only_the_expected_warning_is_hidden() {
        let mut filter = Filter::default();
        let expected = "warning: path override for crate `wdk-build` has altered the original";
        assert_eq!(filter.judge(expected), Shown::Nothing);
        assert_eq!(filter.judge("more of its paragraph"), Shown::Nothing);
        assert_eq!(filter.judge(&format!("{OVERRIDE_WARNING_END}.html")), Shown::Nothing);
        assert_eq!(filter.judge("something else"), Shown::Line);
        assert_eq!(filter.judge(expected), Shown::Nothing);
        assert_eq!(
            filter.judge("warning: path override for crate `other` has altered"),
            Shown::Line
        );
        assert_eq!(filter.judge("its paragraph"), Shown::Line);
    }
}
