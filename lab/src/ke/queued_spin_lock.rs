//! In-stack queued spin locks: spin locks whose release needs nothing but the handle of the acquire.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/kernel/queued-spin-locks.

use crate::ke::irql;
use crate::ke::spin_lock::{
    KeAcquireSpinLockAtDpcLevel, KeAcquireSpinLockRaiseToDpc, KeReleaseSpinLock,
    KeReleaseSpinLockFromDpcLevel,
};

/// `KLOCK_QUEUE_HANDLE`: where an in-stack queued spin lock keeps what its release needs.
#[repr(C)]
pub struct LockQueueHandle {
    next: usize,
    lock: *mut usize,
    old_irql: u8,
}

const _: () =
    assert!(size_of::<LockQueueHandle>() == size_of::<pagewise_lab_nt::KLOCK_QUEUE_HANDLE>());

/// Takes a lock as [`KeAcquireSpinLockRaiseToDpc`] does, with the former IRQL in `handle`. Waiters
/// are not served in their order.
///
/// Page: wdm/nf-wdm-keacquireinstackqueuedspinlock.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `lock` points to an initialised `KSPIN_LOCK` and `handle` to storage that stays until the
/// release.
pub unsafe extern "win64" fn KeAcquireInStackQueuedSpinLock(
    lock: *mut usize,
    handle: *mut LockQueueHandle,
) {
    // SAFETY: the caller vouches for it.
    let old_irql = unsafe { KeAcquireSpinLockRaiseToDpc(lock) };
    // SAFETY: the caller vouches for it.
    unsafe { handle.write(LockQueueHandle { next: 0, lock, old_irql }) };
}

/// Releases the lock of `handle` and restores the IRQL.
///
/// Page: wdm/nf-wdm-kereleaseinstackqueuedspinlock.
///
/// # IRQL
/// `DISPATCH_LEVEL`.
///
/// # Safety
/// `handle` is of a [`KeAcquireInStackQueuedSpinLock`].
pub unsafe extern "win64" fn KeReleaseInStackQueuedSpinLock(handle: *mut LockQueueHandle) {
    // SAFETY: the caller vouches for it.
    let LockQueueHandle { lock, old_irql, .. } = unsafe { handle.read() };
    // SAFETY: it is the lock that was acquired with the handle.
    unsafe { KeReleaseSpinLock(lock, old_irql) };
}

/// As [`KeAcquireSpinLockAtDpcLevel`], with a handle.
///
/// Page: wdm/nf-wdm-keacquireinstackqueuedspinlockatdpclevel.
///
/// # IRQL
/// >= `DISPATCH_LEVEL`.
///
/// # Safety
/// As [`KeAcquireInStackQueuedSpinLock`].
pub unsafe extern "win64" fn KeAcquireInStackQueuedSpinLockAtDpcLevel(
    lock: *mut usize,
    handle: *mut LockQueueHandle,
) {
    // SAFETY: the caller vouches for it.
    unsafe { KeAcquireSpinLockAtDpcLevel(lock) };
    let old_irql = irql::current();
    // SAFETY: the caller vouches for it.
    unsafe { handle.write(LockQueueHandle { next: 0, lock, old_irql }) };
}

/// As [`KeReleaseSpinLockFromDpcLevel`], with a handle.
///
/// Page: wdm/nf-wdm-kereleaseinstackqueuedspinlockfromdpclevel.
///
/// # IRQL
/// >= `DISPATCH_LEVEL`.
///
/// # Safety
/// `handle` is of a [`KeAcquireInStackQueuedSpinLockAtDpcLevel`].
pub unsafe extern "win64" fn KeReleaseInStackQueuedSpinLockFromDpcLevel(
    handle: *mut LockQueueHandle,
) {
    // SAFETY: the caller vouches for it.
    let lock = unsafe { (*handle).lock };
    // SAFETY: it is the lock that was acquired with the handle.
    unsafe { KeReleaseSpinLockFromDpcLevel(lock) };
}

crate::exports! {
    /// In-stack queued spin locks.
    pub EXPORTS = [
        KeAcquireInStackQueuedSpinLock(_, _),
        KeReleaseInStackQueuedSpinLock(_),
        KeAcquireInStackQueuedSpinLockAtDpcLevel(_, _),
        KeReleaseInStackQueuedSpinLockFromDpcLevel(_),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ke::irql::DISPATCH_LEVEL;

    #[test]
    fn a_queued_lock_keeps_the_irql_in_its_handle() {
        let mut lock = 0;
        let mut handle = LockQueueHandle { next: 1, lock: std::ptr::null_mut(), old_irql: 9 };
        // SAFETY: lock and handle are ours.
        unsafe { KeAcquireInStackQueuedSpinLock(&raw mut lock, &raw mut handle) };
        let inside = (irql::current(), handle.old_irql, lock != 0);
        // SAFETY: the handle is of the lock that is held.
        unsafe { KeReleaseInStackQueuedSpinLock(&raw mut handle) };
        assert_eq!(inside, (DISPATCH_LEVEL, 0, true));
        assert_eq!((irql::current(), lock), (0, 0));
    }
}
