//! What the guest is to do: the file `plan.json`.

mod built_in;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The version of the form of a plan.
pub const VERSION: u32 = 1;
/// How many steps a plan may have.
pub const MOST_STEPS: usize = 64;
/// How many boots a plan may allow.
pub const MOST_BOOTS: u32 = 32;
/// Seconds that a step may be given: a day.
pub const LONGEST_LIMIT: u64 = 86_400;

/// A plan: steps in the order in which they run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`VERSION`].
    pub version: u32,
    /// What to call it.
    pub name: String,
    /// How often the machine may come up. After more, only `always` steps run.
    pub most_boots: u32,
    /// What becomes of the machine.
    #[serde(default)]
    pub at_end: AtEnd,
    /// The steps.
    pub steps: Vec<Step>,
}

/// What becomes of the machine when the plan is through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AtEnd {
    /// It is shut down.
    #[default]
    ShutDown,
    /// It stays as it is.
    Stay,
}

/// A step of a plan. It is started at most once, ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name: lower-case letters, digits and hyphens, 40 at most, unique in the plan.
    pub id: String,
    /// What it does.
    pub action: Action,
    /// Seconds it may take.
    pub limit_seconds: u64,
    /// Earlier steps that must have passed; else it is skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// Whether it runs whatever happened before, `needs` or not: clearing up and collecting.
    #[serde(default, skip_serializing_if = "is_false")]
    pub always: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Looks whether the system loads drivers that are signed with a test certificate.
    CheckSigning {
        /// Whether to switch that on where it is off, and restart.
        set: bool,
    },
    /// Looks whether memory integrity (HVCI) is as wanted.
    MemoryIntegrity {
        /// On or off.
        on: bool,
        /// Whether to make it so where it is not, and restart.
        set: bool,
    },
    /// Adds the package's certificate to Root and TrustedPublisher.
    Trust,
    /// Installs the package.
    Install,
    /// Asks the doctor.
    Doctor,
    /// Runs the checks.
    Verify {
        /// What to call the results: `verify-LABEL.json`. As a step's id.
        label: String,
    },
    /// Puts the driver under Driver Verifier, and restarts.
    DriverVerifier {
        /// How strictly.
        profile: Profile,
    },
    /// Records Driver Verifier's settings and counters.
    QueryVerifier,
    /// Clears Driver Verifier's settings; in force from the next boot on.
    ResetVerifier,
    /// Restarts the machine.
    Reboot,
    /// Removes the driver, its device and its certificates.
    Uninstall,
    /// Gathers logs and dumps into the hand-over disk's `out`.
    Collect,
}

/// How strictly Driver Verifier looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Special pool, pool tracking, IRQL: what finds most.
    Quick,
    /// Microsoft's standard settings.
    Standard,
    /// The standard settings and low resources.
    Torture,
}

/// Why a plan cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It is no JSON of this form.
    #[error("plan.json cannot be read: {0}")]
    Form(String),
    /// Another version.
    #[error("the plan has version {0}, and this program knows {VERSION}")]
    Version(u64),
    /// Nothing to do, or too much.
    #[error("a plan has 1 to {MOST_STEPS} steps; this one has {0}")]
    Steps(usize),
    /// No boots, or too many.
    #[error("a plan allows 1 to {MOST_BOOTS} boots; this one allows {0}")]
    Boots(u32),
    /// A name that is none.
    #[error("{0:?} is no name for a step: lower-case letters, digits and hyphens, 40 at most")]
    Name(String),
    /// A name that is not unique.
    #[error("two steps have the name {0}")]
    Twice(String),
    /// A limit that is none.
    #[error("step {0}: a limit is 1 to {LONGEST_LIMIT} seconds")]
    Limit(String),
    /// A step that needs what does not come before it.
    #[error("step {step} needs {need}, which is no earlier step")]
    Need {
        /// The step.
        step: String,
        /// What it needs.
        need: String,
    },
}

impl Plan {
    /// Reads and checks a plan.
    ///
    /// # Errors
    /// [`PlanError`]
    pub fn read(json: &[u8]) -> Result<Self, PlanError> {
        let form = |error: serde_json::Error| PlanError::Form(error.to_string());
        let value: serde_json::Value = serde_json::from_slice(json).map_err(form)?;
        // First, since another version may have other fields.
        if let Some(version) = value.get("version").and_then(serde_json::Value::as_u64)
            && version != u64::from(VERSION)
        {
            return Err(PlanError::Version(version));
        }
        let plan: Self = serde_json::from_value(value).map_err(form)?;
        plan.check()?;
        Ok(plan)
    }

    /// The file's text.
    #[must_use]
    pub fn write(&self) -> String {
        // Strings, numbers and lists only: this cannot fail.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Whether it can be run.
    ///
    /// # Errors
    /// [`PlanError`]
    pub fn check(&self) -> Result<(), PlanError> {
        if self.version != VERSION {
            return Err(PlanError::Version(self.version.into()));
        }
        if self.steps.is_empty() || self.steps.len() > MOST_STEPS {
            return Err(PlanError::Steps(self.steps.len()));
        }
        if self.most_boots == 0 || self.most_boots > MOST_BOOTS {
            return Err(PlanError::Boots(self.most_boots));
        }
        let mut earlier = BTreeSet::new();
        for step in &self.steps {
            step.check(&earlier)?;
            earlier.insert(step.id.as_str());
        }
        Ok(())
    }
}

impl Step {
    fn check(&self, earlier: &BTreeSet<&str>) -> Result<(), PlanError> {
        let id = || self.id.clone();
        if !is_name(&self.id) {
            return Err(PlanError::Name(id()));
        }
        if let Action::Verify { label } = &self.action
            && !is_name(label)
        {
            return Err(PlanError::Name(label.clone()));
        }
        if earlier.contains(self.id.as_str()) {
            return Err(PlanError::Twice(id()));
        }
        if self.limit_seconds == 0 || self.limit_seconds > LONGEST_LIMIT {
            return Err(PlanError::Limit(id()));
        }
        match self.needs.iter().find(|need| !earlier.contains(need.as_str())) {
            Some(need) => Err(PlanError::Need { step: id(), need: need.clone() }),
            None => Ok(()),
        }
    }
}

fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&text.len()) && text.bytes().all(fits)
}

#[cfg(test)]
mod tests;
