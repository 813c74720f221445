//! Cancelling IRPs, and the lock that serialises it.

use std::cell::UnsafeCell;
use std::ffi::c_void;

use pagewise_lab_nt as nt;

use super::{Device, Irp};
use crate::ke::{irql, spin_lock};

/// The system's cancel spin lock.
struct CancelLock(UnsafeCell<usize>);

// SAFETY: it is a lock.
unsafe impl Sync for CancelLock {}

static CANCEL_LOCK: CancelLock = CancelLock(UnsafeCell::new(0));

/// Takes the cancel spin lock; the IRQL before goes to `irql`.
///
/// Page: wdm/nf-wdm-ioacquirecancelspinlock.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `irql` can be written; the caller does not hold the lock.
pub unsafe extern "win64" fn IoAcquireCancelSpinLock(irql: *mut u8) {
    // SAFETY: the lock is a static that only these routines use.
    let old = unsafe { spin_lock::acquire(CANCEL_LOCK.0.get()) };
    // SAFETY: the caller vouches for the result's place.
    unsafe { irql.write(old) };
}

/// Releases the cancel spin lock and lowers the IRQL to `irql`.
///
/// Page: wdm/nf-wdm-ioreleasecancelspinlock.
///
/// # IRQL
/// `DISPATCH_LEVEL`.
///
/// # Safety
/// The caller holds the lock, and `irql` is what taking it gave.
pub unsafe extern "win64" fn IoReleaseCancelSpinLock(irql: u8) {
    // SAFETY: the lock is a static that only these routines use; the caller vouches for the rest.
    unsafe { spin_lock::release(CANCEL_LOCK.0.get(), irql) };
}

/// Cancels `irp`: sets its cancel bit, and calls its cancel routine if it has one, at
/// `DISPATCH_LEVEL` and with the cancel spin lock held, which the routine releases. Whether there
/// was a routine.
///
/// # Safety
/// The IRP stays allocated during the call.
pub unsafe fn cancel(irp: Irp) -> bool {
    let mut old = 0;
    // SAFETY: the result's place is a local.
    unsafe { IoAcquireCancelSpinLock(&raw mut old) };
    irp.set_cancel(1);
    let Some(routine) = irp.take_cancel_routine() else {
        // SAFETY: taken above.
        unsafe { IoReleaseCancelSpinLock(old) };
        return false;
    };
    irp.set_cancel_irql(old);
    // An IRP with a cancel routine is some driver's, whose device is in its location.
    let device = irp.current().called_for().map_or(std::ptr::null_mut(), Device::as_ptr);
    // SAFETY: a cancel routine takes the device and the IRP it was set for; the lock is held.
    unsafe { routine(device, irp.as_ptr()) };
    irql::expect(old, routine as *const c_void as usize, irp.as_ptr().addr());
    true
}

/// Cancels an IRP: sets its cancel bit and calls its cancel routine if there is one. `TRUE` if
/// there was.
///
/// Page: wdm/nf-wdm-iocancelirp.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// The caller sent the IRP and sees to it that it stays allocated.
pub unsafe extern "win64" fn IoCancelIrp(irp: *mut nt::IRP) -> u8 {
    // SAFETY: the caller vouches for the IRP.
    let Some(irp) = (unsafe { Irp::from_raw(irp) }) else { return 0 };
    // SAFETY: as above.
    u8::from(unsafe { cancel(irp) })
}

crate::exports! {
    /// Cancellation.
    pub EXPORTS = [
        IoAcquireCancelSpinLock(_),
        IoReleaseCancelSpinLock(_),
        IoCancelIrp(_),
    ];
}
