//! Routines that are given a lock or another synchronisation object, which comes first among their
//! arguments.
//!
//! Pages: learn.microsoft.com/windows-hardware/drivers/devtest/force-irql-checking lists the kinds of
//! objects that must not be pageable, and deadlock-detection the kinds of locks whose order counts.

use std::ptr;

use crate::ke::ddi;
use crate::ke::dispatcher::Kind;
use crate::verifier::{Check, deadlock, on};

/// What a routine does with its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Uses it while the kernel is at `DISPATCH_LEVEL`.
    Touch,
    /// Makes it a free lock.
    Initialize,
    /// Takes it, and waits until it is free.
    Acquire,
    /// Waits for it, which takes it if it is a mutex.
    Wait,
    Release,
    /// Releases the lock that the object, a lock queue handle, is of.
    ReleaseByHandle,
}

const USES: &[(&str, Use)] = &[
    ("ExAcquireFastMutex", Use::Acquire),
    ("ExAcquireFastMutexUnsafe", Use::Acquire),
    ("ExAcquireResourceExclusiveLite", Use::Touch),
    ("ExAcquireResourceSharedLite", Use::Touch),
    ("ExAcquireSharedStarveExclusive", Use::Touch),
    ("ExReleaseFastMutex", Use::Release),
    ("ExReleaseFastMutexUnsafe", Use::Release),
    ("ExTryToAcquireFastMutex", Use::Touch),
    ("KeAcquireGuardedMutex", Use::Acquire),
    ("KeAcquireInStackQueuedSpinLock", Use::Acquire),
    ("KeAcquireInStackQueuedSpinLockAtDpcLevel", Use::Acquire),
    ("KeAcquireSpinLockAtDpcLevel", Use::Acquire),
    ("KeAcquireSpinLockRaiseToDpc", Use::Acquire),
    ("KeCancelTimer", Use::Touch),
    ("KeClearEvent", Use::Touch),
    ("KeInitializeGuardedMutex", Use::Initialize),
    ("KeInitializeMutex", Use::Initialize),
    ("KeInitializeSpinLock", Use::Initialize),
    ("KePulseEvent", Use::Touch),
    ("KeReleaseGuardedMutex", Use::Release),
    ("KeReleaseInStackQueuedSpinLock", Use::ReleaseByHandle),
    ("KeReleaseInStackQueuedSpinLockFromDpcLevel", Use::ReleaseByHandle),
    ("KeReleaseMutex", Use::Release),
    ("KeReleaseSemaphore", Use::Touch),
    ("KeReleaseSpinLock", Use::Release),
    ("KeReleaseSpinLockFromDpcLevel", Use::Release),
    ("KeResetEvent", Use::Touch),
    ("KeSetEvent", Use::Touch),
    ("KeSetTimer", Use::Touch),
    ("KeSetTimerEx", Use::Touch),
    ("KeTryToAcquireGuardedMutex", Use::Touch),
    ("KeTryToAcquireSpinLockAtDpcLevel", Use::Touch),
    ("KeWaitForSingleObject", Use::Wait),
    ("KefAcquireSpinLockAtDpcLevel", Use::Acquire),
    ("KefReleaseSpinLockFromDpcLevel", Use::Release),
];

impl Use {
    /// What the routine of this name does.
    pub(super) fn of(name: &str) -> Option<Self> {
        let index = USES.binary_search_by_key(&name, |(known, _)| known).ok()?;
        Some(USES[index].1)
    }

    /// Looks at a call.
    pub(super) fn look(self, frame: usize) {
        let object = super::code::first_argument(frame) as usize;
        if self != Self::ReleaseByHandle {
            ddi::require_resident(object);
        }
        if !on(Check::Deadlock) {
            return;
        }
        match self {
            Self::Touch => {}
            Self::Initialize => deadlock::forget(&(object..object + 1)),
            Self::Acquire => deadlock::acquire(object, frame),
            // A wait that ends by itself is no deadlock.
            Self::Wait if timeout(frame) == 0 && is_mutex(object) => {
                deadlock::acquire(object, frame);
            }
            Self::Wait => {}
            Self::Release => deadlock::release(object),
            Self::ReleaseByHandle => deadlock::release(lock_of(object)),
        }
    }
}

/// The fifth argument, which lies beyond the room for the first four.
fn timeout(frame: usize) -> usize {
    let place: *const usize = ptr::with_exposed_provenance(frame + 40);
    // SAFETY: the caller of a routine with five arguments has put the fifth there.
    unsafe { place.read() }
}

fn is_mutex(object: usize) -> bool {
    let kind: *const u8 = ptr::with_exposed_provenance(object);
    // SAFETY: the driver vouches for its object, whose first byte says what it is.
    let kind = unsafe { kind.read_volatile() };
    kind == Kind::Mutant as u8
}

/// The lock of a `KLOCK_QUEUE_HANDLE`.
fn lock_of(handle: usize) -> usize {
    let place: *const usize = ptr::with_exposed_provenance(handle + 8);
    // SAFETY: the driver vouches for its handle, as it does to the routine that it calls.
    unsafe { place.read() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exports;

    #[test]
    fn the_list_is_sorted_and_each_is_a_routine() {
        assert!(USES.is_sorted_by_key(|(name, _)| *name));
        for (name, _) in USES {
            assert!(exports::resolve(exports::KERNEL, name).is_some(), "{name}");
        }
        assert_eq!(Use::of("KeReleaseMutex"), Some(Use::Release));
        assert_eq!(Use::of("KeReadStateMutex"), None);
    }
}
