//! Run-down protection: a count that can be closed.
//!
//! The count is in the caller's `EX_RUNDOWN_REF`: twice the number of holders, and the low bit once
//! run-down has begun. Who waits for the last holder waits in the machine.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/kernel/run-down-protection.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::bugcheck;
use crate::ke::dispatcher::wait;
use crate::ke::schedule::Condvar;

const ACTIVE: usize = 1;
const HOLDER: usize = 2;

const REFERENCE_BY_POINTER: u32 = 0x18;

static WAITERS: Mutex<()> = Mutex::new(());
static RELEASED: Condvar = Condvar::new();

fn count<'a>(reference: *mut usize) -> &'a AtomicUsize {
    // SAFETY: the callers of this module's routines vouch for the memory while they use it, and the
    // reference does not outlive the routine.
    unsafe { AtomicUsize::from_ptr(reference) }
}

/// Makes an open count without holders.
///
/// Page: wdm/nf-wdm-exinitializerundownprotection.
///
/// # IRQL
/// Any.
///
/// # Safety
/// `reference` points to storage for an `EX_RUNDOWN_REF`.
pub unsafe extern "win64" fn ExInitializeRundownProtection(reference: *mut usize) {
    count(reference).store(0, Ordering::Release);
}

/// Opens a count again after its run-down.
///
/// Page: wdm/nf-wdm-exreinitializerundownprotection.
///
/// # IRQL
/// Any.
///
/// # Safety
/// `reference` points to an `EX_RUNDOWN_REF` that was run down.
pub unsafe extern "win64" fn ExReInitializeRundownProtection(reference: *mut usize) {
    count(reference).store(0, Ordering::Release);
}

/// Becomes a holder. FALSE once run-down has begun.
///
/// Page: wdm/nf-wdm-exacquirerundownprotection.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `reference` points to an initialised `EX_RUNDOWN_REF`.
pub unsafe extern "win64" fn ExAcquireRundownProtection(reference: *mut usize) -> u8 {
    // SAFETY: the caller vouches for it.
    unsafe { ExAcquireRundownProtectionEx(reference, 1) }
}

/// Becomes a holder so many times. FALSE once run-down has begun.
///
/// Page: wdm/nf-wdm-exacquirerundownprotectionex.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `reference` points to an initialised `EX_RUNDOWN_REF`.
pub unsafe extern "win64" fn ExAcquireRundownProtectionEx(reference: *mut usize, times: u32) -> u8 {
    let add = HOLDER * times as usize;
    let taken = count(reference).fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
        (now & ACTIVE == 0).then(|| now + add)
    });
    u8::from(taken.is_ok())
}

/// Is no holder any more.
///
/// Page: wdm/nf-wdm-exreleaserundownprotection. A release without a holder is bug check 0x18.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `reference` points to an initialised `EX_RUNDOWN_REF`.
pub unsafe extern "win64" fn ExReleaseRundownProtection(reference: *mut usize) {
    // SAFETY: the caller vouches for it.
    unsafe { ExReleaseRundownProtectionEx(reference, 1) };
}

/// Is no holder so many times. Without so many holders it is bug check 0x18.
///
/// Page: wdm/nf-wdm-exreleaserundownprotectionex.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `reference` points to an initialised `EX_RUNDOWN_REF`.
pub unsafe extern "win64" fn ExReleaseRundownProtectionEx(reference: *mut usize, times: u32) {
    let take = HOLDER * times as usize;
    let former = count(reference).fetch_sub(take, Ordering::AcqRel);
    if former < take {
        let parameters = [0, reference as u64, 0, former as u64];
        bugcheck::bug_check(REFERENCE_BY_POINTER, parameters);
    }
    if former - take == ACTIVE {
        // The last one, and somebody waits, who may free the count as soon as he sees it.
        let _waiters = WAITERS.lock().unwrap_or_else(PoisonError::into_inner);
        RELEASED.notify_all();
    }
}

/// Begins run-down, and waits until there is no holder any more.
///
/// Page: wdm/nf-wdm-exwaitforrundownprotectionrelease.
///
/// # IRQL
/// <= `APC_LEVEL`; else as a wait.
///
/// # Safety
/// `reference` points to an initialised `EX_RUNDOWN_REF`.
pub unsafe extern "win64" fn ExWaitForRundownProtectionRelease(reference: *mut usize) {
    wait::require_wait_irql();
    count(reference).fetch_or(ACTIVE, Ordering::AcqRel);
    let mut waiters = WAITERS.lock().unwrap_or_else(PoisonError::into_inner);
    while count(reference).load(Ordering::Acquire) != ACTIVE {
        waiters = RELEASED.wait(&WAITERS, waiters);
    }
}

/// Says that run-down is over: nobody becomes a holder any more.
///
/// Page: wdm/nf-wdm-exrundowncompleted.
///
/// # IRQL
/// Any.
///
/// # Safety
/// `reference` points to an initialised `EX_RUNDOWN_REF`.
pub unsafe extern "win64" fn ExRundownCompleted(reference: *mut usize) {
    count(reference).store(ACTIVE, Ordering::Release);
}

crate::exports! {
    /// Run-down protection.
    pub EXPORTS = [
        ExInitializeRundownProtection(_),
        ExReInitializeRundownProtection(_),
        ExAcquireRundownProtection(_),
        ExAcquireRundownProtectionEx(_, _),
        ExReleaseRundownProtection(_),
        ExReleaseRundownProtectionEx(_, _),
        ExWaitForRundownProtectionRelease(_),
        ExRundownCompleted(_),
    ];
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn run_down_waits_for_the_last_holder_and_refuses_new_ones() {
        let reference = AtomicUsize::new(0xdead);
        let done = AtomicBool::new(false);
        let pointer = reference.as_ptr();
        // SAFETY: it is a count.
        unsafe { ExInitializeRundownProtection(pointer) };
        // SAFETY: it is a count.
        assert_eq!(unsafe { ExAcquireRundownProtectionEx(pointer, 2) }, 1);
        thread::scope(|scope| {
            scope.spawn(|| {
                // SAFETY: it is a count.
                unsafe { ExWaitForRundownProtectionRelease(reference.as_ptr()) };
                done.store(true, Ordering::SeqCst);
            });
            // SAFETY: it is a count.
            while unsafe { ExAcquireRundownProtection(pointer) } != 0 {
                // SAFETY: it is a count with a holder.
                unsafe { ExReleaseRundownProtection(pointer) };
                thread::yield_now();
            }
            // SAFETY: two holders are left.
            unsafe { ExReleaseRundownProtection(pointer) };
            thread::sleep(Duration::from_millis(20));
            assert!(!done.load(Ordering::SeqCst));
            // SAFETY: one holder is left.
            unsafe { ExReleaseRundownProtection(pointer) };
        });
        assert!(done.load(Ordering::SeqCst));
        // SAFETY: it is a count.
        unsafe { ExReInitializeRundownProtection(pointer) };
        // SAFETY: it is a count.
        assert_eq!(unsafe { ExAcquireRundownProtection(pointer) }, 1);
    }
}
