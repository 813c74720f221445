//! How steps end.

use serde::{Deserialize, Serialize};

use crate::text::clip;

/// How a step ended. Each step of a run that came to its end has exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Outcome {
    /// It did what it was to do.
    Passed,
    /// It did not.
    Failed {
        /// What failed.
        what: String,
        /// The code, with its name where it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// What to try next.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        help: Option<String>,
    },
    /// It was not started, or this machine cannot do it.
    Skipped {
        /// Why.
        reason: String,
    },
}

impl Outcome {
    /// A failure without more to say.
    #[must_use]
    pub fn failed(what: impl Into<String>) -> Self {
        Self::Failed { what: what.into(), code: None, help: None }
    }

    /// Skipped, and why.
    #[must_use]
    pub fn skipped(reason: impl Into<String>) -> Self {
        Self::Skipped { reason: reason.into() }
    }

    /// A step that a bug check ended.
    #[must_use]
    pub fn bug_check(dump: &Dump) -> Self {
        let parameters: Vec<_> = dump.parameters.iter().map(|one| format!("{one:#x}")).collect();
        Self::Failed {
            what: format!(
                "the machine bug-checked ({}); dump {}",
                parameters.join(", "),
                dump.file
            ),
            code: Some(format!("{:#x}", dump.code)),
            help: Some(format!("open the dump: `windbg -z {}`, then `!analyze -v`", dump.file)),
        }
    }

    /// Whether it passed.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        matches!(self, Self::Passed)
    }

    /// Whether it failed.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }

    /// In a word: `passed`, `failed`, `skipped`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
        }
    }

    /// With texts that fit into a line.
    #[must_use]
    pub fn clipped(self) -> Self {
        let clip_some = |text: Option<String>| text.as_deref().map(clip);
        match self {
            Self::Passed => Self::Passed,
            Self::Failed { what, code, help } => {
                Self::Failed { what: clip(&what), code: clip_some(code), help: clip_some(help) }
            }
            Self::Skipped { reason } => Self::Skipped { reason: clip(&reason) },
        }
    }
}

/// A crash dump that the guest found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dump {
    /// Its file name.
    pub file: String,
    /// The bug check code.
    pub code: u32,
    /// The four parameters.
    pub parameters: [u64; 4],
}

/// How many steps ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Passed.
    pub passed: u32,
    /// Failed.
    pub failed: u32,
    /// Skipped.
    pub skipped: u32,
    /// Bug checks, in a step or between two.
    pub bug_checks: u32,
}

impl Tally {
    /// Whether nothing failed.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.failed == 0 && self.bug_checks == 0
    }
}
