//! A diagnosis, for people and for programs.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::{Finding, Level};
use crate::machine::Kind;

/// A diagnosis for programs.
#[derive(Debug, Serialize)]
pub struct Diagnosis {
    /// Version of this form.
    pub schema: u32,
    /// What was looked at.
    pub machine: Kind,
    /// All findings.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// Whether something keeps the driver from working.
    #[must_use]
    pub fn has_failures(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Level::Fail)
    }
}

/// Prints a diagnosis, one finding a line, with a fix below it where there is one.
///
/// # Errors
/// What the output says.
pub fn print(diagnosis: &Diagnosis, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    for finding in &diagnosis.findings {
        let (word, ink) = match finding.level {
            Level::Ok => ("ok  ", AnsiColor::Green),
            Level::Warn => ("warn", AnsiColor::Yellow),
            Level::Fail => ("FAIL", AnsiColor::Red),
            Level::Unknown => ("?   ", AnsiColor::Yellow),
        };
        let style = if colour { ink.on_default() } else { Style::new() };
        writeln!(out, "{style}{word}{style:#}  {:<24} {}", finding.id, finding.found)?;
        if let Some(fix) = &finding.fix {
            writeln!(out, "      fix: {fix}")?;
        }
    }
    let count = |level| diagnosis.findings.iter().filter(|finding| finding.level == level).count();
    let (ok, warn) = (count(Level::Ok), count(Level::Warn));
    let (fail, unknown) = (count(Level::Fail), count(Level::Unknown));
    writeln!(out, "{ok} ok, {warn} to look at, {fail} to fix, {unknown} unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_with_its_fix() {
        let failure = Finding {
            id: "driver.node",
            level: Level::Fail,
            found: "there is none".to_owned(),
            fix: Some("install it".to_owned()),
        };
        let diagnosis = Diagnosis { schema: 1, machine: Kind::Windows, findings: vec![failure] };
        assert!(diagnosis.has_failures());
        let mut text = Vec::new();
        print(&diagnosis, false, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(
            text,
            "FAIL  driver.node              there is none\n      fix: install it\n\
             0 ok, 0 to look at, 1 to fix, 0 unknown\n"
        );
        let mut colourful = Vec::new();
        print(&diagnosis, true, &mut colourful).unwrap();
        assert!(String::from_utf8(colourful).unwrap().contains("\x1b["));
    }
}
