//! What the user can say about a run.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use pagewise_vm_plan::plan::{LONGEST_LIMIT, Plan, Profile};

use super::super::accelerator::{Accelerator, Asked};
use super::super::watch::{EMULATED, Limits};
use crate::fs;

/// What the stand-in is told to do wrong, where it is the host that does it.
const CORRUPT: &str = "corrupt-hand-over";

/// What the user can say.
#[derive(Default, clap::Args)]
pub struct Arguments {
    /// What Driver Verifier does to the driver.
    #[arg(long, value_enum, default_value_t = Strictness::Plain)]
    pub profile: Strictness,
    /// Verify with memory integrity (HVCI), too.
    #[arg(long)]
    pub memory_integrity: bool,
    /// Write the results of the plan's last `verify` here, in the form that the lab and Wine give.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the plan's steps and all checks here, as JUnit XML.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write the report, the journal, logs, dumps and screenshots to this folder, and not to a new
    /// one below target/vm/results.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Leave the machine's disks behind.
    #[arg(long)]
    pub keep: bool,
    /// The guest's memory.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(64..=1_048_576))]
    pub memory: Option<u32>,
    /// The guest's processors.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub processors: Option<u32>,
    /// What runs the guest's instructions.
    #[arg(long, value_enum, default_value_t = Asked::Auto)]
    pub accelerator: Asked,
    /// Run this base image, and not the newest.
    #[arg(long, value_name = "NAME", conflicts_with = "stand_in")]
    pub base: Option<String>,
    /// Hand over this package, and not a new one of what is built.
    #[arg(long, value_name = "FOLDER", conflicts_with = "stand_in")]
    pub package: Option<PathBuf>,
    /// Hand over what is in target/pagewise already.
    #[arg(long)]
    pub no_build: bool,
    /// Run this plan, and not the profile's.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["profile", "memory_integrity"])]
    pub plan: Option<PathBuf>,
    /// Play it through without Windows: a small Linux guest says what Windows would.
    #[arg(long)]
    pub stand_in: bool,
    /// Have the stand-in do something wrong: check-fails, bug-check:STEP, reset:STEP, hang:STEP,
    /// stop-answering:STEP, flood, garble, never-starts, boot-loop, corrupt-hand-over.
    #[arg(long, value_name = "WHAT", requires = "stand_in")]
    misbehave: Option<String>,
    /// Seconds from the machine's start to the guest's first word.
    #[arg(long, value_name = "SECONDS")]
    boot_limit: Option<u64>,
    /// Seconds for which a guest may be silent.
    #[arg(long, value_name = "SECONDS")]
    silence_limit: Option<u64>,
}

/// What Driver Verifier does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Strictness {
    /// Nothing.
    #[default]
    Plain,
    /// What finds most.
    Quick,
    /// Microsoft's standard settings.
    Standard,
    /// The standard settings and low resources.
    Torture,
}

impl Arguments {
    /// The plan. An emulated guest gets more time.
    pub fn plan(&self, accelerator: &Accelerator) -> Result<Plan> {
        if let Some(path) = &self.plan {
            let plan = Plan::read(&fs::read(path)?);
            return plan.with_context(|| format!("cannot run {}", path.display()));
        }
        let profile = match self.profile {
            Strictness::Plain => None,
            Strictness::Quick => Some(Profile::Quick),
            Strictness::Standard => Some(Profile::Standard),
            Strictness::Torture => Some(Profile::Torture),
        };
        let mut plan = Plan::built_in(profile, self.memory_integrity);
        if !self.stand_in && matches!(accelerator, Accelerator::Tcg { .. }) {
            for step in &mut plan.steps {
                let longer = step.limit_seconds.saturating_mul(EMULATED.into());
                step.limit_seconds = longer.min(LONGEST_LIMIT);
            }
        }
        Ok(plan)
    }

    /// The user's limits in place of these.
    pub fn limits(&self, limits: Limits) -> Limits {
        let or = |seconds: Option<u64>, limit| seconds.map_or(limit, Duration::from_secs);
        Limits {
            boot: or(self.boot_limit, limits.boot),
            silence: or(self.silence_limit, limits.silence),
            ..limits
        }
    }

    /// What the stand-in itself does wrong.
    pub fn misbehave(&self) -> Option<&str> {
        self.misbehave.as_deref().filter(|what| *what != CORRUPT)
    }

    /// Whether a byte of the hand-over is to be wrong.
    pub fn breaks_hand_over(&self) -> bool {
        self.misbehave.as_deref() == Some(CORRUPT)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn plan(words: &[&str], accelerator: &Accelerator) -> Plan {
        let line = Line::try_parse_from([&["run"], words].concat()).unwrap();
        line.arguments.plan(accelerator).unwrap()
    }

    #[test]
    fn an_emulated_windows_gets_more_time_and_the_stand_in_does_not() {
        let tcg = Accelerator::Tcg { why: String::new() };
        let (kvm, slow) = (plan(&[], &Accelerator::Kvm), plan(&[], &tcg));
        assert_eq!(slow.steps[0].limit_seconds, kvm.steps[0].limit_seconds * u64::from(EMULATED));
        assert_eq!(plan(&["--stand-in"], &tcg), kvm);
        for profile in ["plain", "quick", "standard", "torture"] {
            plan(&["--profile", profile, "--memory-integrity"], &tcg).check().unwrap();
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for words in [
            &["--misbehave", "flood"][..],
            &["--stand-in", "--base", "a"],
            &["--plan", "p", "--memory-integrity"],
            &["--memory", "1"],
        ] {
            assert!(Line::try_parse_from([&["run"], words].concat()).is_err(), "{words:?}");
        }
    }
}
