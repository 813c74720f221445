//! What a linter says.

use std::fmt;

/// A rule for INF files.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, the same in every release.
    pub id: &'static str,
    /// The number under which InfVerif reports the same, as far as its public table tells
    /// (learn.microsoft.com/windows-hardware/drivers/devtest/inf-validation-errors-and-warnings).
    pub infverif: Option<u16>,
    /// How bad it is to break it: with a number, what that table says for `/w`.
    pub severity: Severity,
    /// What to do about it.
    pub next: &'static str,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// To be understood; the file may be right nonetheless.
    Warning,
    /// To be mended.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A place where a file breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// The line, from 1; none where the file lacks something.
    pub line: Option<usize>,
    /// What is wrong.
    pub text: String,
}

/// `line 7: error infverif 1324 [pnp-lockdown] text`, without the next step.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        write!(f, "{}", self.rule.severity)?;
        if let Some(number) = self.rule.infverif {
            write!(f, " {number}")?;
        }
        write!(f, " [{}] {}", self.rule.id, self.text)
    }
}
