//! What happens to a guest: the lines of its journal.

use serde::{Deserialize, Serialize};

use crate::outcome::{Dump, Outcome, Tally};
use crate::text::clip;

/// How many failed checks an event names.
const MOST_NAMES: usize = 32;
/// Bytes of a check's name.
const LONGEST_NAME: usize = 60;

/// Something that happened, and is never undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The guest's program started.
    Booted(Booted),
    /// A step starts.
    StepStarted {
        /// Which.
        step: String,
    },
    /// A step is through but for a restart of the machine: it passes if the machine comes up again.
    RestartAsked {
        /// Which.
        step: String,
        /// What for.
        why: String,
    },
    /// A step ended. Also for those that never started.
    StepEnded {
        /// Which.
        step: String,
        /// How.
        outcome: Outcome,
        /// Exit code of the program that the step ran, where it ran one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit_code: Option<i64>,
        /// Seconds it took; 0 where that is not known.
        seconds: u64,
    },
    /// What the checks of `verify` or the findings of `doctor` came to.
    Checks(Checks),
    /// A file in `out`.
    File {
        /// Its name in `out`, with `/`.
        name: String,
        /// Its size.
        bytes: u64,
        /// SHA-256, in hexadecimal.
        sha256: String,
        /// The step that made it.
        step: String,
    },
    /// A part of a small file that must not be lost with the disk. See [`crate::inline`].
    InlineFile {
        /// Its name in `out`.
        name: String,
        /// Which part, from 1.
        part: u32,
        /// Of how many.
        parts: u32,
        /// The bytes in base64.
        data: String,
    },
    /// A remark for people.
    Said {
        /// The remark.
        text: String,
    },
    /// All steps have ended.
    Finished {
        /// What they came to.
        tally: Tally,
    },
    /// Something that a later version of this program tells.
    #[serde(other)]
    Unknown,
}

/// The guest's program started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booted {
    /// How many times by now, from 1.
    pub boot: u32,
    /// Whether the machine came up since the last time. If not, only the program started again.
    pub fresh: bool,
    /// The system, for people.
    pub os: String,
    /// The guest's clock, for people.
    pub clock: String,
    /// A crash dump that was not there the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dump: Option<Dump>,
}

/// What checks came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// The step.
    pub step: String,
    /// How many passed.
    pub passed: u32,
    /// How many failed.
    pub failed: u32,
    /// How many were skipped.
    pub skipped: u32,
    /// Ids of the first that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
}

impl Event {
    /// With texts that fit into a line.
    #[must_use]
    pub fn clipped(self) -> Self {
        match self {
            Self::Booted(booted) => Self::Booted(booted.clipped()),
            Self::RestartAsked { step, why } => Self::RestartAsked { step, why: clip(&why) },
            Self::StepEnded { step, outcome, exit_code, seconds } => {
                Self::StepEnded { step, outcome: outcome.clipped(), exit_code, seconds }
            }
            Self::Checks(checks) => Self::Checks(checks.clipped()),
            Self::File { name, bytes, sha256, step } => {
                Self::File { name: clip(&name), bytes, sha256, step }
            }
            Self::InlineFile { name, part, parts, data } => {
                Self::InlineFile { name: clip(&name), part, parts, data }
            }
            Self::Said { text } => Self::Said { text: clip(&text) },
            other => other,
        }
    }

    /// A remark.
    #[must_use]
    pub fn said(text: impl Into<String>) -> Self {
        Self::Said { text: text.into() }
    }
}

impl Booted {
    fn clipped(self) -> Self {
        let dump = self.dump.map(|dump| Dump { file: clip(&dump.file), ..dump });
        Self { os: clip(&self.os), clock: clip(&self.clock), dump, ..self }
    }
}

impl Checks {
    fn clipped(mut self) -> Self {
        self.failures.truncate(MOST_NAMES);
        for name in &mut self.failures {
            // Ids are ASCII; whatever is not would take more room.
            name.retain(|letter| letter.is_ascii_graphic());
            name.truncate(LONGEST_NAME);
        }
        self
    }
}
