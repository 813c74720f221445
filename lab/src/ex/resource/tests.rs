//! Holding, sharing and waiting.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use super::*;
use crate::ke::testing::{dies, verify};

struct Place(Box<MaybeUninit<Resource>>);

// SAFETY: a resource is made to be shared.
unsafe impl Sync for Place {}

impl Place {
    fn new() -> Self {
        let mut place = Box::new(MaybeUninit::uninit());
        // SAFETY: the place is a resource's.
        unsafe { ExInitializeResourceLite(place.as_mut_ptr()) };
        Self(place)
    }

    fn get(&self) -> *mut Resource {
        self.0.as_ptr().cast_mut()
    }

    fn exclusive(&self, wait: u8) -> u8 {
        // SAFETY: it is a resource.
        unsafe { ExAcquireResourceExclusiveLite(self.get(), wait) }
    }

    fn shared(&self, wait: u8) -> u8 {
        // SAFETY: it is a resource.
        unsafe { ExAcquireResourceSharedLite(self.get(), wait) }
    }

    fn release(&self) {
        // SAFETY: it is a resource.
        unsafe { ExReleaseResourceLite(self.get()) };
    }

    fn held(&self) -> (u8, u32) {
        // SAFETY: it is a resource.
        let exclusive = unsafe { ExIsResourceAcquiredExclusiveLite(self.get()) };
        // SAFETY: it is a resource.
        (exclusive, unsafe { ExIsResourceAcquiredSharedLite(self.get()) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // SAFETY: it is a resource.
        unsafe { ExDeleteResourceLite(self.get()) };
    }
}

/// What another thread gets without waiting: alone, a share.
fn elsewhere(resource: &Place) -> (u8, u8) {
    let attempt = || {
        let alone = resource.exclusive(0);
        if alone != 0 {
            resource.release();
        }
        let share = resource.shared(0);
        if share != 0 {
            resource.release();
        }
        (alone, share)
    };
    thread::scope(|scope| scope.spawn(attempt).join().unwrap())
}

#[test]
fn one_alone_or_many_that_share() {
    let resource = Place::new();
    assert_eq!(elsewhere(&resource), (1, 1));
    assert_eq!((resource.shared(1), resource.shared(1)), (1, 1));
    assert_eq!((resource.held(), elsewhere(&resource)), ((0, 2), (0, 1)));
    resource.release();
    resource.release();
    assert_eq!((resource.exclusive(1), resource.shared(1)), (1, 1));
    assert_eq!((resource.held(), elsewhere(&resource)), ((1, 2), (0, 0)));
    // SAFETY: it is a resource.
    unsafe { ExConvertExclusiveToSharedLite(resource.get()) };
    assert_eq!((resource.held(), elsewhere(&resource)), ((0, 2), (0, 1)));
    resource.release();
    resource.release();
    assert_eq!(resource.held(), (0, 0));
}

#[test]
fn who_waits_to_have_it_alone_is_not_starved() {
    let resource = Place::new();
    assert_eq!(resource.shared(1), 1);
    thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(resource.exclusive(1), 1);
            resource.release();
        });
        while elsewhere(&resource).1 == 1 {
            thread::yield_now();
        }
        let starving = scope.spawn(|| {
            // SAFETY: it is a resource.
            let had = unsafe { ExAcquireSharedStarveExclusive(resource.get(), 0) };
            resource.release();
            had
        });
        assert_eq!(starving.join().unwrap(), 1);
        // A share of one's own is never refused.
        assert_eq!(resource.shared(0), 1);
        resource.release();
        resource.release();
    });
}

#[test]
fn readers_never_see_a_writer_at_work() {
    let (resource, writing, rounds) = (Place::new(), AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for thread in 0..4 {
            let (resource, writing, rounds) = (&resource, &writing, &rounds);
            scope.spawn(move || {
                for round in 0..500 {
                    if (round + thread) % 4 == 0 {
                        resource.exclusive(1);
                        assert_eq!(writing.fetch_add(1, Ordering::SeqCst), 0);
                        rounds.fetch_add(1, Ordering::SeqCst);
                        writing.fetch_sub(1, Ordering::SeqCst);
                    } else {
                        resource.shared(1);
                        assert_eq!(writing.load(Ordering::SeqCst), 0);
                    }
                    resource.release();
                }
            });
        }
    });
    assert_eq!(rounds.into_inner(), 500);
}

dies!(one_that_is_not_held, { Place::new().release() }, |code, _| assert_eq!(code, 0xE3));

dies!(
    one_shared_and_then_taken_alone,
    {
        let resource = Place::new();
        resource.shared(1);
        resource.exclusive(1);
    },
    |code, parameters| assert_eq!((code, parameters[0]), (0xC4, 0x1000))
);

dies!(
    one_that_was_not_initialised,
    {
        let resource = Place(Box::new(MaybeUninit::zeroed()));
        resource.shared(1);
    },
    |code, parameters| assert_eq!((code, parameters[0]), (0xC4, 0x1002))
);

dies!(
    one_taken_without_apcs_disabled_under_the_verifier,
    {
        verify();
        Place::new().exclusive(1);
    },
    |code, parameters| assert_eq!((code, parameters[0]), (0xC4, 0x37))
);
