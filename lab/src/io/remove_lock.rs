//! Remove locks: a device is not removed while somebody works on it
//! (learn.microsoft.com/windows-hardware/drivers/kernel/using-remove-locks).
//!
//! The count lies in the driver's own memory, as on Windows: it starts at one, and the wait ends
//! when it is nothing. Tags are not tracked, as in a free build.

use std::ffi::{c_char, c_void};
use std::sync::atomic::{AtomicI32, AtomicU8, Ordering};

use pagewise_lab_nt as nt;

use crate::ke::dispatcher::wait::Timeout;
use crate::ke::event;

fn count<'a>(lock: *mut nt::IO_REMOVE_LOCK) -> &'a AtomicI32 {
    // SAFETY: the callers of this module's routines vouch for the lock; the reference is used at
    // once.
    let place = unsafe { &raw mut (*lock).Common.IoCount };
    // SAFETY: only these routines use it, and atomically.
    unsafe { AtomicI32::from_ptr(place) }
}

fn removed<'a>(lock: *mut nt::IO_REMOVE_LOCK) -> &'a AtomicU8 {
    // SAFETY: as for `count`.
    let place = unsafe { &raw mut (*lock).Common.Removed };
    // SAFETY: only these routines use it, and atomically.
    unsafe { AtomicU8::from_ptr(place) }
}

fn remove_event(lock: *mut nt::IO_REMOVE_LOCK) -> *mut nt::KEVENT {
    // SAFETY: as for `count`.
    unsafe { &raw mut (*lock).Common.RemoveEvent }
}

/// Makes a remove lock. The limits are for the checked build only.
///
/// Page: wdm/nf-wdm-ioinitializeremovelock.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `lock` points to storage for an `IO_REMOVE_LOCK`, of `bytes` bytes.
pub unsafe extern "win64" fn IoInitializeRemoveLockEx(
    lock: *mut nt::IO_REMOVE_LOCK,
    _tag: u32,
    _most_minutes: u32,
    _high_water: u32,
    _bytes: u32,
) {
    removed(lock).store(0, Ordering::Release);
    count(lock).store(1, Ordering::Release);
    // SAFETY: the caller vouches for the storage.
    unsafe { event::initialize(remove_event(lock), event::Kind::Synchronization, false) };
}

/// Takes a remove lock; `STATUS_DELETE_PENDING` once the device is being removed.
///
/// Page: wdm/nf-wdm-ioacquireremovelock.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `lock` is an initialised remove lock.
pub unsafe extern "win64" fn IoAcquireRemoveLockEx(
    lock: *mut nt::IO_REMOVE_LOCK,
    tag: *mut c_void,
    _file: *const c_char,
    _line: u32,
    bytes: u32,
) -> i32 {
    count(lock).fetch_add(1, Ordering::AcqRel);
    if removed(lock).load(Ordering::Acquire) == 0 {
        return nt::STATUS_SUCCESS;
    }
    // SAFETY: the caller vouches for the lock, which was taken above.
    unsafe { IoReleaseRemoveLockEx(lock, tag, bytes) };
    nt::STATUS_DELETE_PENDING
}

/// Gives a remove lock back.
///
/// Page: wdm/nf-wdm-ioreleaseremovelock.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `lock` is an initialised remove lock that the caller took.
pub unsafe extern "win64" fn IoReleaseRemoveLockEx(
    lock: *mut nt::IO_REMOVE_LOCK,
    _tag: *mut c_void,
    _bytes: u32,
) {
    if count(lock).fetch_sub(1, Ordering::AcqRel) == 1 {
        // SAFETY: the caller vouches for the lock.
        unsafe { event::set(remove_event(lock)) };
    }
}

/// Gives a remove lock back, lets nobody take it any more, and waits until everybody has given it
/// back.
///
/// Page: wdm/nf-wdm-ioreleaseremovelockandwait.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// As for [`IoReleaseRemoveLockEx`].
pub unsafe extern "win64" fn IoReleaseRemoveLockAndWaitEx(
    lock: *mut nt::IO_REMOVE_LOCK,
    _tag: *mut c_void,
    _bytes: u32,
) {
    removed(lock).store(1, Ordering::Release);
    // The caller's own, and the one that the lock began with.
    if count(lock).fetch_sub(2, Ordering::AcqRel) > 2 {
        // SAFETY: the caller vouches for the lock.
        unsafe { event::wait(remove_event(lock).cast(), Timeout::Never) };
    }
}

crate::exports! {
    /// Remove locks.
    pub EXPORTS = [
        IoInitializeRemoveLockEx(_, _, _, _, _),
        IoAcquireRemoveLockEx(_, _, _, _, _),
        IoReleaseRemoveLockEx(_, _, _),
        IoReleaseRemoveLockAndWaitEx(_, _, _),
    ];
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;
    use std::ptr;
    use std::time::Duration;

    use super::*;

    struct Shared(MaybeUninit<nt::IO_REMOVE_LOCK>);

    // SAFETY: it is a lock.
    unsafe impl Sync for Shared {}

    fn acquire(lock: *mut nt::IO_REMOVE_LOCK) -> i32 {
        // SAFETY: the tests initialise their locks.
        unsafe { IoAcquireRemoveLockEx(lock, ptr::null_mut(), ptr::null(), 0, 32) }
    }

    #[test]
    fn the_wait_ends_with_the_last_release_and_nobody_gets_in_after() {
        let shared = Shared(MaybeUninit::zeroed());
        let lock = shared.0.as_ptr().cast_mut();
        // SAFETY: the storage is a lock's.
        unsafe { IoInitializeRemoveLockEx(lock, 0, 0, 0, 32) };
        assert_eq!(acquire(lock), nt::STATUS_SUCCESS);
        assert_eq!(acquire(lock), nt::STATUS_SUCCESS);
        std::thread::scope(|scope| {
            let shared = &shared;
            let other = scope.spawn(move || {
                let lock = shared.0.as_ptr().cast_mut();
                while acquire(lock) == nt::STATUS_SUCCESS {
                    // SAFETY: taken just now.
                    unsafe { IoReleaseRemoveLockEx(lock, ptr::null_mut(), 32) };
                    std::thread::yield_now();
                }
                std::thread::sleep(Duration::from_millis(5));
                // SAFETY: the second acquisition of the test's.
                unsafe { IoReleaseRemoveLockEx(lock, ptr::null_mut(), 32) };
            });
            // SAFETY: the first acquisition.
            unsafe { IoReleaseRemoveLockAndWaitEx(lock, ptr::null_mut(), 32) };
            assert_eq!(count(lock).load(Ordering::SeqCst), 0);
            other.join().unwrap();
        });
        assert_eq!(acquire(lock), nt::STATUS_DELETE_PENDING);
    }
}
