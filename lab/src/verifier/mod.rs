//! Driver Verifier's part of the machine: what is checked, beyond what always is.
//!
//! All settings are bits of one word, so that a routine that has nothing to check pays for a load
//! and a branch. `docs/verifier.md` lists the checks with the pages that they follow.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/devtest/driver-verifier.

pub(crate) mod deadlock;
pub(crate) mod intercept;
pub(crate) mod low_resources;
pub(crate) mod sites;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use pagewise_lab_wire::{AllocationSite, SpecialPool, Verifier};

/// A check: its bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Check {
    ForceIrql = 1,
    ToDisk = 1 << 1,
    DdiCompliance = 1 << 2,
    PoolTracking = 1 << 3,
    SpecialPoolEnd = 1 << 4,
    SpecialPoolStart = 1 << 5,
    Io = 1 << 6,
    Deadlock = 1 << 7,
    LowResources = 1 << 8,
}

/// The checks that are on.
static CHECKS: AtomicU32 = AtomicU32::new(0);

/// What the machine was started with: on Windows, too, most of it lasts until the next boot.
static STARTED_WITH: Mutex<Option<Verifier>> = Mutex::new(None);

/// Sets what is checked from now on and cannot be turned off again, before the machine boots.
pub fn start_with(settings: &Verifier) {
    *STARTED_WITH.lock().unwrap_or_else(PoisonError::into_inner) = Some(settings.resolved());
    set(&Verifier::default());
}

/// Sets what is checked from now on, beside what the machine was started with.
pub fn set(settings: &Verifier) {
    let mut settings = settings.resolved();
    if let Some(lasting) = &*STARTED_WITH.lock().unwrap_or_else(PoisonError::into_inner) {
        settings = settings.joined(lasting);
    }
    low_resources::set(&settings);
    CHECKS.store(bits(&settings), Ordering::Relaxed);
}

fn bits(settings: &Verifier) -> u32 {
    use SpecialPool::{End, Start, Turns};
    let special = settings.special_pool;
    let fails = settings.low_resources != 0 || settings.each_site_once;
    [
        (settings.force_irql, Check::ForceIrql),
        (settings.to_disk, Check::ToDisk),
        (settings.ddi_compliance, Check::DdiCompliance),
        (settings.pool_tracking, Check::PoolTracking),
        (matches!(special, End | Turns), Check::SpecialPoolEnd),
        (matches!(special, Start | Turns), Check::SpecialPoolStart),
        (settings.io, Check::Io),
        (settings.deadlock, Check::Deadlock),
        (fails, Check::LowResources),
    ]
    .into_iter()
    .filter(|&(on, _)| on)
    .fold(0, |bits, (_, check)| bits | check as u32)
}

/// The places that allocate and were failed once.
#[must_use]
pub fn allocation_sites() -> Vec<AllocationSite> {
    low_resources::report()
}

/// Whether `check` is on.
#[inline]
pub(crate) fn on(check: Check) -> bool {
    CHECKS.load(Ordering::Relaxed) & check as u32 != 0
}

/// Whether anything is checked.
#[inline]
#[must_use]
pub fn active() -> bool {
    CHECKS.load(Ordering::Relaxed) != 0
}

/// Force IRQL checking: evict everything pageable at each raise to `DISPATCH_LEVEL` or above
/// (learn.microsoft.com/windows-hardware/drivers/devtest/force-irql-checking).
#[inline]
#[must_use]
pub fn force_irql() -> bool {
    on(Check::ForceIrql)
}

/// DDI compliance checking: bug check 0xC4 when a routine is called at an IRQL above its
/// documented one (learn.microsoft.com/windows-hardware/drivers/devtest/ddi-compliance-checking).
#[inline]
#[must_use]
pub fn ddi_compliance() -> bool {
    on(Check::DdiCompliance)
}

/// Pool tracking: bug check 0xC4/0x62 when a driver is unloaded that has not freed its pool
/// (learn.microsoft.com/windows-hardware/drivers/devtest/pool-tracking).
#[inline]
#[must_use]
pub fn pool_tracking() -> bool {
    on(Check::PoolTracking)
}

/// Whether anybody wants to know who allocated and who freed a block.
#[inline]
pub(crate) fn tracks_blocks() -> bool {
    const BLOCKS: u32 =
        Check::PoolTracking as u32 | Check::SpecialPoolEnd as u32 | Check::SpecialPoolStart as u32;
    CHECKS.load(Ordering::Relaxed) & BLOCKS != 0
}

#[cfg(test)]
mod tests {
    use pagewise_lab_wire::{PageState, Profile};

    use super::*;
    use crate::ke::irql;
    use crate::testing::child::{survives, test_path};
    use crate::testing::driver::{Driver, PAGEDATA, word};

    #[test]
    fn every_check_of_a_profile_has_a_bit() {
        let [quick, standard, torture] = Profile::ALL.map(|profile| bits(&profile.checks()));
        assert_eq!(quick & standard, quick);
        assert_eq!(standard & torture, standard);
        assert_eq!(standard & Check::SpecialPoolStart as u32, 0);
        assert_ne!(torture & Check::SpecialPoolStart as u32, 0);
        assert_ne!(torture & Check::ToDisk as u32, 0);
        assert_eq!(bits(&Verifier::default()), 0);
    }

    #[test]
    fn what_a_machine_was_started_with_outlasts_what_clients_set() {
        survives(test_path!(), || {
            start_with(&Verifier { profile: Some(Profile::Quick), ..Verifier::default() });
            set(&Verifier { force_irql: true, ..Verifier::default() });
            assert!(force_irql() && ddi_compliance() && pool_tracking());
            set(&Verifier::default());
            assert!(!force_irql() && ddi_compliance() && pool_tracking());
        });
    }

    #[test]
    fn under_torture_what_is_evicted_leaves_memory() {
        survives(test_path!(), || {
            let driver = Driver::load();
            for (to_disk, state) in [(false, PageState::Transition), (true, PageState::OnDisk)] {
                set(&Verifier { force_irql: true, to_disk, ..Verifier::default() });
                driver.read(driver.at(PAGEDATA));
                assert_eq!(driver.state(PAGEDATA), PageState::Valid);
                irql::lower(irql::raise(irql::DISPATCH_LEVEL) & irql::PASSIVE_LEVEL);
                assert_eq!(driver.state(PAGEDATA), state);
                assert_eq!(driver.read(driver.at(PAGEDATA)), word(0));
            }
        });
    }

    #[test]
    fn what_clients_set_ends_when_they_say_so() {
        survives(test_path!(), || {
            set(&Verifier { ddi_compliance: true, ..Verifier::default() });
            assert!(ddi_compliance());
            set(&Verifier::default());
            assert!(!active());
        });
    }
}
