//! The form of a result, as far as a comparison reads it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// The version of the form that is understood.
const SCHEMA: u32 = 1;

/// How a machine decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The property holds.
    Passed,
    /// It does not.
    Failed,
    /// The machine cannot tell.
    Skipped,
    /// There was nothing to decide, and the note says what was seen.
    Observed,
}

/// One check on one machine.
#[derive(Clone, Debug, Deserialize)]
pub struct Check {
    /// Its id: theme, dot, property.
    pub id: String,
    /// How it ended.
    pub status: Decision,
    /// Why it failed or was skipped.
    pub reason: Option<String>,
}

/// What ran the driver.
#[derive(Clone, Debug, Deserialize)]
pub struct MachineInfo {
    /// What to call it.
    pub name: String,
}

/// The driver's file.
#[derive(Clone, Debug, Deserialize)]
pub struct DriverFile {
    /// SHA-256 in hexadecimal, where the run was told the file.
    pub sha256: Option<String>,
}

/// The results of one machine.
#[derive(Clone, Debug, Deserialize)]
pub struct Results {
    schema: u32,
    /// Where it ran.
    pub machine: MachineInfo,
    /// What ran.
    pub driver: DriverFile,
    /// Every check that was asked for.
    pub checks: Vec<Check>,
}

impl Results {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the results in {}", path.display()))?;
        Self::parse(&text)
            .with_context(|| format!("{} is not what `verify --json` writes", path.display()))
    }

    /// Reads JSON.
    pub fn parse(text: &str) -> Result<Self> {
        let results: Self = serde_json::from_str(text)?;
        ensure!(
            results.schema == SCHEMA,
            "it has schema {}, this program reads {SCHEMA}",
            results.schema
        );
        for (index, check) in results.checks.iter().enumerate() {
            if results.checks[..index].iter().any(|earlier| earlier.id == check.id) {
                bail!("it has the check {} twice", check.id);
            }
        }
        Ok(results)
    }

    /// The check of this id.
    pub fn check(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }

    /// How many checks of a theme ended so.
    pub fn count(&self, theme: &str, decision: Decision) -> usize {
        let of_theme = |check: &&Check| check.id.split('.').next() == Some(theme);
        self.checks.iter().filter(of_theme).filter(|check| check.status == decision).count()
    }
}
