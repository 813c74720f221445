//! Holds an INF file against the rules for Windows driver packages.

mod classes;
mod files;
mod framework;
mod models;
mod references;
mod registry;
mod security;
mod services;
mod target;
mod text;
mod universal;
mod version;
mod view;
mod wine;

use super::document::{Entry, Inf};
use super::finding::{Finding, Rule};
use view::View;

/// What a linter knows besides the file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The version of KMDF that the driver was built for (major, minor), where there is one driver
    /// and it is a KMDF driver.
    pub kmdf: Option<(u16, u16)>,
    /// Whether Wine 8 is to take the file, too.
    pub wine: bool,
}

/// Holds a stamped file against every rule; what breaks them, by lines.
#[must_use]
pub fn lint(inf: &Inf, options: &Options) -> Vec<Finding> {
    let view = View::of(inf);
    let mut report = Report::default();
    text::check(inf, &mut report);
    version::check(inf, &mut report);
    classes::check(&view, &mut report);
    models::check(&view, &mut report);
    files::check(&view, &mut report);
    universal::check(inf, &mut report);
    registry::check(&view, &mut report);
    security::check(&view, &mut report);
    services::check(&view, &mut report);
    framework::check(&view, options.kmdf, &mut report);
    references::check(&view, options.wine, &mut report);
    if options.wine {
        wine::check(&view, &mut report);
    }
    report.findings.sort_by_key(|finding| finding.line.unwrap_or(0));
    report.findings.dedup();
    report.findings
}

/// What was found so far.
#[derive(Default)]
struct Report {
    findings: Vec<Finding>,
}

impl Report {
    fn at(&mut self, rule: &'static Rule, line: usize, text: impl Into<String>) {
        self.findings.push(Finding { rule, line: Some(line), text: printable(&text.into()) });
    }

    fn file(&mut self, rule: &'static Rule, text: impl Into<String>) {
        self.findings.push(Finding { rule, line: None, text: printable(&text.into()) });
    }
}

/// Text from a file is shown on a terminal: no control characters, and not without end.
fn printable(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut shown = String::new();
    for letter in text.chars().take(LONGEST) {
        if letter.is_control() {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        shown.push_str("...");
    }
    shown
}

/// A number as INF files write it: decimal, or hexadecimal after `0x`.
fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    hexadecimal.map_or_else(|| text.parse().ok(), |digits| u32::from_str_radix(digits, 16).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_says_cannot_steer_a_terminal() {
        let inf = Inf::parse("[Version]\nProvider = %\u{1b}[31m%\n");
        let findings = lint(&inf, &Options::default());
        let found = findings.iter().find(|finding| finding.rule.id == "string").unwrap();
        assert_eq!(found.text, "%\\u{1b}[31m% is not in [Strings]");
        assert_eq!(printable(&"x".repeat(300)).len(), 203);
    }

    #[test]
    fn numbers_are_decimal_or_hexadecimal() {
        assert_eq!(number(" 0x0010 "), Some(16));
        assert_eq!(number("10"), Some(10));
        for text in ["", "0x", "ten", "-1", "0x100000000"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
