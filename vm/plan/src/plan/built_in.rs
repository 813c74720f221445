//! The plans that come with the program.

use super::{Action, AtEnd, Plan, Profile, Step, VERSION};

/// What every plan begins with: the driver installed and healthy.
const READY: &str = "doctor";

impl Plan {
    /// Install, check, uninstall.
    #[must_use]
    pub fn plain() -> Self {
        Self::built_in(None, false)
    }

    /// The same, and once more under Driver Verifier.
    #[must_use]
    pub fn verifier(profile: Profile) -> Self {
        Self::built_in(Some(profile), false)
    }

    /// The same, and once more with memory integrity.
    #[must_use]
    pub fn memory_integrity() -> Self {
        Self::built_in(None, true)
    }

    /// Any of these, or both in one run: first memory integrity, then Driver Verifier on top.
    #[must_use]
    pub fn built_in(verifier: Option<Profile>, memory_integrity: bool) -> Self {
        let mut steps = beginning();
        if memory_integrity {
            steps.extend(with_memory_integrity());
        }
        if let Some(profile) = verifier {
            steps.extend(with_verifier(profile));
        }
        if verifier.is_some() {
            steps.push(step("reset-verifier", Action::ResetVerifier, 60).always());
        }
        if memory_integrity {
            let off = Action::MemoryIntegrity { on: false, set: true };
            steps.push(step("memory-integrity-off", off, 60).always());
        }
        steps.push(step("uninstall", Action::Uninstall, 180).always());
        steps.push(step("collect", Action::Collect, 300).always());
        // One to begin with, one for test signing, one for each restart, two for what goes wrong.
        let most_boots = 4 + u32::from(verifier.is_some()) + u32::from(memory_integrity);
        let name = match (verifier, memory_integrity) {
            (None, false) => "plain".to_owned(),
            (None, true) => "memory-integrity".to_owned(),
            (Some(profile), false) => profile.name().to_owned(),
            (Some(profile), true) => format!("{}-memory-integrity", profile.name()),
        };
        Self { version: VERSION, name, most_boots, at_end: AtEnd::ShutDown, steps }
    }

    /// All of them.
    #[must_use]
    pub fn all_built_in() -> Vec<Self> {
        let verifiers = [None].into_iter().chain(Profile::ALL.map(Some));
        let plans = verifiers.flat_map(|verifier| {
            [false, true].map(|memory_integrity| Self::built_in(verifier, memory_integrity))
        });
        plans.collect()
    }
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Quick, Self::Standard, Self::Torture];

    /// As in the plan's file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Standard => "standard",
            Self::Torture => "torture",
        }
    }
}

fn beginning() -> Vec<Step> {
    vec![
        step("set-signing", Action::CheckSigning { set: true }, 120),
        step("signing", Action::CheckSigning { set: false }, 60).needs("set-signing"),
        step("trust", Action::Trust, 60),
        step("install", Action::Install, 180).needs("signing").needs("trust"),
        step(READY, Action::Doctor, 120).needs("install"),
        verify("plain", 1800).needs(READY),
    ]
}

fn with_memory_integrity() -> Vec<Step> {
    let set = Action::MemoryIntegrity { on: true, set: true };
    let look = Action::MemoryIntegrity { on: true, set: false };
    vec![
        step("set-memory-integrity", set, 60).needs(READY),
        step("memory-integrity", look, 60).needs("set-memory-integrity"),
        step("doctor-memory-integrity", Action::Doctor, 120).needs("memory-integrity"),
        verify("memory-integrity", 1800).needs("memory-integrity"),
    ]
}

fn with_verifier(profile: Profile) -> Vec<Step> {
    let set = Action::DriverVerifier { profile };
    vec![
        step("set-verifier", set, 60).needs(READY),
        step("verifier", Action::QueryVerifier, 60).needs("set-verifier"),
        verify(profile.name(), 3600).needs("verifier"),
        step("verifier-counters", Action::QueryVerifier, 60).needs("set-verifier"),
    ]
}

fn verify(label: &str, limit: u64) -> Step {
    let action = Action::Verify { label: label.to_owned() };
    step(&format!("verify-{label}"), action, limit)
}

fn step(id: &str, action: Action, limit_seconds: u64) -> Step {
    Step { id: id.to_owned(), action, limit_seconds, needs: Vec::new(), always: false }
}

impl Step {
    fn needs(mut self, id: &str) -> Self {
        self.needs.push(id.to_owned());
        self
    }

    fn always(mut self) -> Self {
        self.always = true;
        self
    }
}
