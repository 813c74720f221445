//! The settings of the machine's verifier.

use serde::{Deserialize, Serialize};

/// A set of checks by name. `docs/verifier.md` says what is in each, beside the options of
/// Driver Verifier that it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// What costs least: each call and request is looked at, and who allocates is noted.
    Quick,
    /// What `verifier /standard` turns on, as far as the lab has it.
    Standard,
    /// [`Profile::Standard`], and harder: evicted pages go to the paging file, and special pool
    /// looks for overruns and underruns by turns.
    Torture,
}

impl Profile {
    /// Each profile, by what it costs.
    pub const ALL: [Self; 3] = [Self::Quick, Self::Standard, Self::Torture];

    /// Its name, as the command line takes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Standard => "standard",
            Self::Torture => "torture",
        }
    }

    /// The profile of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// The checks of the profile, one by one.
    #[must_use]
    pub fn checks(self) -> Verifier {
        let quick =
            Verifier { ddi_compliance: true, pool_tracking: true, io: true, ..Verifier::default() };
        let standard = Verifier {
            force_irql: true,
            special_pool: SpecialPool::End,
            deadlock: true,
            ..quick.clone()
        };
        match self {
            Self::Quick => quick,
            Self::Standard => standard,
            Self::Torture => {
                Verifier { to_disk: true, special_pool: SpecialPool::Turns, ..standard }
            }
        }
    }
}

/// Whether pool blocks come from special pool, and how they lie in their page
/// (learn.microsoft.com/windows-hardware/drivers/devtest/special-pool).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpecialPool {
    /// They do not.
    #[default]
    Off,
    /// Verify End: what lies beyond a block faults at once, what lies before it is looked at when
    /// the block is freed.
    End,
    /// Verify Start: the other way round.
    Start,
    /// Verify End and Verify Start by turns. The lab's own.
    Turns,
}

/// What Driver Verifier's part of the machine checks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Verifier {
    /// Everything that this profile checks, beside what is set one by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// Evict everything pageable at each raise to `DISPATCH_LEVEL` or above.
    pub force_irql: bool,
    /// Under `force_irql`, evict to the paging file: the pages really leave memory.
    pub to_disk: bool,
    /// Check the IRQL that each routine documents, bug check 0xC4 on violation.
    pub ddi_compliance: bool,
    /// Bug check 0xC4/0x62 when a driver is unloaded that has not freed its pool.
    pub pool_tracking: bool,
    /// Give pool blocks pages of their own, between pages that fault.
    pub special_pool: SpecialPool,
    /// Check what drivers do with IRPs beyond what is always checked.
    pub io: bool,
    /// Bug check 0xC4/0x1001 when locks are taken in an order that can deadlock.
    pub deadlock: bool,
    /// Fail one allocation in so many, chosen by `seed`; 0 fails none.
    pub low_resources: u32,
    /// Seed of that choice.
    pub seed: u64,
    /// Fail each place that allocates once, the first time it is come by.
    pub each_site_once: bool,
}

impl Verifier {
    /// The settings with what the profile adds.
    #[must_use]
    pub fn resolved(&self) -> Self {
        match self.profile {
            Some(profile) => Self { profile: None, ..self.joined(&profile.checks()) },
            None => self.clone(),
        }
    }

    /// Every check that either of the two makes. Of what only one can have, `self` decides.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Self {
        let own_resources = self.low_resources != 0;
        Self {
            profile: self.profile.or(other.profile),
            force_irql: self.force_irql || other.force_irql,
            to_disk: self.to_disk || other.to_disk,
            ddi_compliance: self.ddi_compliance || other.ddi_compliance,
            pool_tracking: self.pool_tracking || other.pool_tracking,
            special_pool: match self.special_pool {
                SpecialPool::Off => other.special_pool,
                own => own,
            },
            io: self.io || other.io,
            deadlock: self.deadlock || other.deadlock,
            low_resources: if own_resources { self.low_resources } else { other.low_resources },
            seed: if own_resources { self.seed } else { other.seed },
            each_site_once: self.each_site_once || other.each_site_once,
        }
    }
}

/// A place in drivers that allocates, and that was failed once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocationSite {
    /// Return addresses as `image+offset`, innermost first, up to the first in a driver that is no
    /// library.
    pub places: Vec<String>,
    /// How often it was let through since it failed.
    pub let_through: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_profile_checks_all_that_the_one_before_does() {
        let [quick, standard, torture] = Profile::ALL.map(Profile::checks);
        assert!(!quick.force_irql && standard.force_irql && torture.to_disk);
        for (less, more) in [(&quick, &standard), (&standard, &torture)] {
            assert_eq!(&more.joined(less), more);
            assert_ne!(less, more);
        }
        for profile in Profile::ALL {
            assert_eq!(Profile::from_name(profile.name()), Some(profile));
            // What a driver is told for want of memory is no mistake of its.
            assert_eq!(profile.checks().low_resources, 0);
        }
        assert_eq!(Profile::from_name("Quick"), None);
    }

    #[test]
    fn what_older_clients_send_means_what_it_meant() {
        let old = r#"{"force_irql":true,"ddi_compliance":true,"low_resources":3,"seed":7}"#;
        let settings: Verifier = serde_json::from_str(old).unwrap();
        let expected = Verifier {
            force_irql: true,
            ddi_compliance: true,
            low_resources: 3,
            seed: 7,
            ..Verifier::default()
        };
        assert_eq!(settings, expected);
        assert_eq!(settings.resolved(), expected);
    }

    #[test]
    fn a_profile_is_added_to_what_is_set() {
        let settings: Verifier =
            serde_json::from_str(r#"{"profile":"quick","force_irql":true}"#).unwrap();
        let resolved = settings.resolved();
        assert!(resolved.force_irql && resolved.pool_tracking && resolved.profile.is_none());
        assert_eq!(resolved.special_pool, SpecialPool::Off);
    }
}
