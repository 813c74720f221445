//! The tools: the columns of the table.

use serde::{Deserialize, Serialize};

/// A way to look for mistakes; in the order of what each costs.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    /// `test-app verify` on a plain machine.
    Verify,
    /// The same under the verifier's profile `quick`.
    Quick,
    /// The same under `standard`.
    Standard,
    /// Under `quick`, each place that allocates failing once: rounds in which checks may fail and the
    /// machine may not, then one in which nothing may.
    Systematic,
    /// The same under `torture`.
    Torture,
    /// Under `quick`, one allocation in so many failing by chance, with several seeds: checks may fail
    /// and the machine may not.
    Random,
    /// The fuzzer of the driver's requests: the kept corpus, and new inputs.
    Fuzz,
}

/// Of how many allocations one fails.
pub const ONE_IN: u32 = 50;

impl Tool {
    /// Every tool, the cheapest first.
    pub const ALL: [Self; 7] = [
        Self::Verify,
        Self::Quick,
        Self::Standard,
        Self::Systematic,
        Self::Torture,
        Self::Random,
        Self::Fuzz,
    ];

    /// Those that boot a machine for `test-app verify`.
    pub const ON_A_MACHINE: [Self; 6] =
        [Self::Verify, Self::Quick, Self::Standard, Self::Systematic, Self::Torture, Self::Random];

    /// The columns of the table.
    pub const COLUMNS: [Self; 7] = [
        Self::Verify,
        Self::Quick,
        Self::Standard,
        Self::Torture,
        Self::Random,
        Self::Systematic,
        Self::Fuzz,
    ];

    /// What heads its column.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Verify => "verify alone",
            Self::Quick => "quick",
            Self::Standard => "standard",
            Self::Torture => "torture",
            Self::Random => "low resources, random",
            Self::Systematic => "low resources, systematic",
            Self::Fuzz => "fuzz",
        }
    }

    /// How long a check may take: what takes longer hangs. Where everything is evicted at each raise of
    /// the IRQL, thousands of requests take their time.
    pub const fn check_seconds(self) -> u64 {
        match self {
            Self::Standard | Self::Torture => 120,
            _ => 20,
        }
    }

    /// What its machine is started with, where it has one. `seed` is that of what fails by chance.
    pub fn machine(self, seed: u64) -> Vec<String> {
        let text = match self {
            Self::Verify | Self::Fuzz => String::new(),
            Self::Quick => "--verifier quick".to_owned(),
            Self::Standard => "--verifier standard".to_owned(),
            Self::Torture => "--verifier torture".to_owned(),
            Self::Random => format!("--verifier quick --low-resources {ONE_IN} --seed {seed}"),
            Self::Systematic => "--verifier quick --low-resources systematic".to_owned(),
        };
        text.split_whitespace().map(str::to_owned).collect()
    }
}
