//! Driver Verifier's part of the machine: what is checked, beyond what always is.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/devtest/driver-verifier.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use pagewise_lab_wire::Verifier;

static FORCE_IRQL: AtomicBool = AtomicBool::new(false);
static DDI_COMPLIANCE: AtomicBool = AtomicBool::new(false);
static POOL_TRACKING: AtomicBool = AtomicBool::new(false);
static LOW_RESOURCES: AtomicU32 = AtomicU32::new(0);
static SEED: AtomicU64 = AtomicU64::new(0);
/// Allocations since the settings were made.
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// Sets what is checked from now on.
pub fn set(settings: &Verifier) {
    FORCE_IRQL.store(settings.force_irql, Ordering::Relaxed);
    DDI_COMPLIANCE.store(settings.ddi_compliance, Ordering::Relaxed);
    POOL_TRACKING.store(settings.pool_tracking, Ordering::Relaxed);
    SEED.store(settings.seed, Ordering::Relaxed);
    ALLOCATIONS.store(0, Ordering::Relaxed);
    LOW_RESOURCES.store(settings.low_resources, Ordering::Relaxed);
}

/// Whether anything is checked.
#[inline]
#[must_use]
pub fn active() -> bool {
    force_irql()
        || ddi_compliance()
        || pool_tracking()
        || LOW_RESOURCES.load(Ordering::Relaxed) != 0
}

/// Force IRQL checking: evict everything pageable at each raise to `DISPATCH_LEVEL` or above
/// (learn.microsoft.com/windows-hardware/drivers/devtest/force-irql-checking).
#[inline]
#[must_use]
pub fn force_irql() -> bool {
    FORCE_IRQL.load(Ordering::Relaxed)
}

/// DDI compliance checking: bug check 0xC4 when a routine is called at an IRQL above its
/// documented one (learn.microsoft.com/windows-hardware/drivers/devtest/ddi-compliance-checking).
#[inline]
#[must_use]
pub fn ddi_compliance() -> bool {
    DDI_COMPLIANCE.load(Ordering::Relaxed)
}

/// Pool tracking: bug check 0xC4/0x62 when a driver is unloaded that has not freed its pool
/// (learn.microsoft.com/windows-hardware/drivers/devtest/pool-tracking).
#[inline]
#[must_use]
pub fn pool_tracking() -> bool {
    POOL_TRACKING.load(Ordering::Relaxed)
}

/// Low resources simulation: whether the allocation that asks is to fail
/// (learn.microsoft.com/windows-hardware/drivers/devtest/low-resources-simulation). One in so many
/// does; which ones follows from the seed and their order, so that a failure can be repeated.
#[must_use]
pub fn fails_allocation() -> bool {
    let one_in = LOW_RESOURCES.load(Ordering::Relaxed);
    if one_in == 0 {
        return false;
    }
    let number = ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    mix(SEED.load(Ordering::Relaxed), number).is_multiple_of(one_in.into())
}

/// A number that follows from `seed` and `number` and looks like chance (the finaliser of
/// SplitMix64).
fn mix(seed: u64, number: u64) -> u64 {
    let mut value = seed.wrapping_add((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_allocations_fail_as_asked_and_the_same_ones_for_a_seed() {
        let failing = |seed: u64| -> Vec<u64> {
            (0..10_000).filter(|&number| mix(seed, number).is_multiple_of(10)).collect()
        };
        assert!((800..1200).contains(&failing(1).len()));
        assert_eq!(failing(1), failing(1));
        assert_ne!(failing(1), failing(2));
    }
}
