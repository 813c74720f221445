//! The result of a run, as text for programs. The same form on every machine, so that results can
//! be compared.

use std::fs;
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::machine::{Kind, Machine};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The property holds.
    Passed,
    /// It does not.
    Failed,
    /// This machine cannot decide it.
    Skipped,
    /// There was nothing to decide: what was seen is in the note.
    Observed,
}

/// One check.
#[derive(Clone, Debug, Serialize)]
pub struct CheckResult {
    /// Its id.
    pub id: &'static str,
    /// The property in a sentence.
    pub title: &'static str,
    /// How it ended.
    pub status: Status,
    /// Why it failed or was skipped; null where it passed.
    pub reason: Option<String>,
    /// Of a check that passed: what it did without on this machine, and what it saw. Of a question:
    /// what was seen. Absent where there is nothing to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Wall time.
    pub millis: u64,
}

/// The machine.
#[derive(Clone, Debug, Serialize)]
pub struct MachineInfo {
    /// What runs the driver.
    pub kind: Kind,
    /// What to call it.
    pub name: String,
}

/// The driver's file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DriverFile {
    /// File name; null where the file was not named.
    pub file: Option<String>,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: Option<String>,
}

impl DriverFile {
    /// Reads it.
    ///
    /// # Errors
    /// [`Error::File`]
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(|source| Error::File {
            what: "read",
            path: path.to_owned(),
            source,
        })?;
        let digest = Sha256::digest(&bytes);
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
        Ok(Self { file, sha256: Some(sha256) })
    }
}

/// How many checks ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Skipped.
    pub skipped: usize,
    /// Observed.
    pub observed: usize,
}

/// A whole run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Version of this form.
    pub schema: u32,
    /// Where it ran.
    pub machine: MachineInfo,
    /// What ran.
    pub driver: DriverFile,
    /// Every check that was asked for.
    pub checks: Vec<CheckResult>,
    /// How many ended how.
    pub summary: Summary,
}

impl Report {
    /// An empty one.
    pub fn new(machine: &dyn Machine, driver: DriverFile) -> Self {
        Self {
            schema: 1,
            machine: MachineInfo { kind: machine.kind(), name: machine.name() },
            driver,
            checks: Vec::new(),
            summary: Summary::default(),
        }
    }

    /// Adds a check.
    pub fn add(&mut self, result: CheckResult) {
        match result.status {
            Status::Passed => self.summary.passed += 1,
            Status::Failed => self.summary.failed += 1,
            Status::Skipped => self.summary.skipped += 1,
            Status::Observed => self.summary.observed += 1,
        }
        self.checks.push(result);
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    /// [`Error::File`]
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::Broken(format!("the report is no JSON: {error}")))?;
        text.push('\n');
        fs::write(path, text).map_err(|source| Error::File {
            what: "write",
            path: path.to_owned(),
            source,
        })
    }
}
