//! Low resources simulation: allocations that fail on purpose, by chance or each place once.
//!
//! Pages: learn.microsoft.com/windows-hardware/drivers/devtest/low-resources-simulation and
//! systematic-low-resource-simulation.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use pagewise_lab_wire::{AllocationSite, Verifier};

use super::sites::{self, Site};
use super::{Check, on};
use crate::ke::schedule::chance::mix;

static ONE_IN: AtomicU32 = AtomicU32::new(0);
static SEED: AtomicU64 = AtomicU64::new(0);
/// Allocations since the settings were made.
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

static EACH_SITE_ONCE: AtomicBool = AtomicBool::new(false);
/// The places that were come by, with how often they were let through since they failed.
static SITES: Mutex<BTreeMap<Site, u64>> = Mutex::new(BTreeMap::new());

pub(super) fn set(settings: &Verifier) {
    SEED.store(settings.seed, Ordering::Relaxed);
    ALLOCATIONS.store(0, Ordering::Relaxed);
    ONE_IN.store(settings.low_resources, Ordering::Relaxed);
    EACH_SITE_ONCE.store(settings.each_site_once, Ordering::Relaxed);
}

/// Whether the allocation that asks is to fail. `frame` is where the return address of the driver
/// that allocates is.
#[inline]
pub(crate) fn fails(frame: Option<usize>) -> bool {
    on(Check::LowResources) && (fails_its_site(frame) || fails_by_chance())
}

/// Each place fails the first time, and never again.
#[cold]
fn fails_its_site(frame: Option<usize>) -> bool {
    if !EACH_SITE_ONCE.load(Ordering::Relaxed) {
        return false;
    }
    let Some(site) = frame.and_then(sites::of) else { return false };
    let mut sites = SITES.lock().unwrap_or_else(PoisonError::into_inner);
    match sites.get_mut(&site) {
        Some(let_through) => *let_through += 1,
        None => {
            sites.insert(site, 0);
            return true;
        }
    }
    false
}

/// One in so many fails; which ones follows from the seed and their order, so that a failure can be
/// repeated.
#[cold]
fn fails_by_chance() -> bool {
    let one_in = ONE_IN.load(Ordering::Relaxed);
    if one_in == 0 {
        return false;
    }
    let number = ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    mix(SEED.load(Ordering::Relaxed), number).is_multiple_of(one_in.into())
}

/// How many places have failed so far.
fn failed() -> usize {
    SITES.lock().unwrap_or_else(PoisonError::into_inner).len()
}

/// Tries again while what fails is a place that has not failed before.
///
/// # Errors
/// What the last attempt says.
pub(crate) fn until_nothing_new_fails<E>(
    mut attempt: impl FnMut() -> Result<i32, E>,
) -> Result<i32, E> {
    loop {
        let before = failed();
        let status = attempt()?;
        if status >= 0 || failed() == before {
            return Ok(status);
        }
    }
}

/// The places that have failed, in the order in which they were first come by.
pub(crate) fn report() -> Vec<AllocationSite> {
    let sites = SITES.lock().unwrap_or_else(PoisonError::into_inner);
    let site = |(site, &let_through): (&Site, &u64)| AllocationSite {
        places: site.places().iter().map(|(name, rva)| format!("{name}+{rva:#x}")).collect(),
        let_through,
    };
    sites.iter().map(site).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::child::{survives, test_path};
    use crate::testing::driver::Driver;
    use crate::verifier;

    #[test]
    fn as_many_allocations_fail_as_asked_and_the_same_ones_for_a_seed() {
        let failing = |seed: u64| -> Vec<u64> {
            (0..10_000).filter(|&number| mix(seed, number).is_multiple_of(10)).collect()
        };
        assert!((800..1200).contains(&failing(1).len()));
        assert_eq!(failing(1), failing(1));
        assert_ne!(failing(1), failing(2));
    }

    #[test]
    fn a_place_fails_once_and_is_let_through_ever_after() {
        survives(test_path!(), || {
            let driver = Driver::load();
            verifier::set(&Verifier { each_site_once: true, ..Verifier::default() });
            let results = [(); 4].map(|()| driver.kernel("ExAllocatePool", [512, 16]) != 0);
            assert_eq!(results, [false, true, true, true]);
            let [site] = &report()[..] else { panic!("{:?}", report()) };
            assert_eq!(
                (site.places.as_slice(), site.let_through),
                (&["tiny.sys+0x104f".into()][..], 3)
            );
        });
    }

    #[test]
    fn what_fails_for_a_new_reason_is_tried_again() {
        survives(test_path!(), || {
            let driver = Driver::load();
            verifier::set(&Verifier { each_site_once: true, ..Verifier::default() });
            let mut attempts = 0;
            let status = until_nothing_new_fails(|| {
                attempts += 1;
                let got = driver.kernel("ExAllocatePool", [512, 16]) != 0;
                Ok::<_, ()>(if got { 0 } else { -1 })
            });
            assert_eq!((status, attempts), (Ok(0), 2));
            assert_eq!(until_nothing_new_fails(|| Ok::<_, ()>(-1)), Ok(-1));
        });
    }
}
