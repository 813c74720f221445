//! I/O verification: what Driver Verifier checks of a driver's I/O, most of it always on in the lab.
//!
//! Codes and parameters as in
//! learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation.

use crate::bugcheck;

/// `DRIVER_VERIFIER_IOMANAGER_VIOLATION`
const IOMANAGER_VIOLATION: u32 = 0xC9;

/// A violation; its number is the bug check's first parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Violation {
    /// Freeing what is no IRP. The IRP.
    FreeOfNoIrp = 0x01,
    /// `IoCallDriver` with what is no IRP. The IRP.
    CallWithNoIrp = 0x03,
    /// `IoCallDriver` with what is no device object. The device.
    CallOfNoDevice = 0x04,
    /// A dispatch routine changed the IRQL. The device, the IRQL before, the IRQL after.
    DispatchChangedIrql = 0x05,
    /// Completion with `STATUS_PENDING`. The status, the IRP.
    CompletedAsPending = 0x06,
    /// Completion with a cancel routine set. The routine, the IRP.
    CompletedCancellable = 0x07,
    /// `IoCallDriver` above `DISPATCH_LEVEL`. The IRQL.
    CallAboveDispatch = 0x10,
    /// Completion above `DISPATCH_LEVEL`. The IRQL, the IRP.
    CompletedAboveDispatch = 0x0E,
    /// `IoCallDriver` with a cancel routine set. The code, the IRP, the device.
    CallCancellable = 0x203,
    /// Detaching from a device to which nothing is attached. The code, 0, the device.
    DetachOfNothing = 0x202,
    /// A remove request after which the device is still attached. The routine, the IRP, the device.
    NotDetached = 0x21D,
    /// A remove request after which the device still exists. The routine, the IRP, the device.
    NotDeleted = 0x21E,
    /// A status returned that is not the IRP's. The routine, the IRP, the status returned.
    StatusMismatch = 0x224,
    /// Neither passed down, nor completed, nor pending. The routine, the IRP.
    Forgotten = 0x226,
    /// A completion routine in pageable code. The routine, the IRP.
    PageableCompletion = 0x227,
    /// A completion routine that did not mark the IRP pending, though `PendingReturned` was set. The
    /// routine, the IRP.
    CompletionNotMarked = 0x228,
    /// `STATUS_PENDING` returned for an IRP that was not marked pending. The routine, the IRP, the
    /// status.
    PendingNotMarked = 0x23D,
    /// An IRP that was marked pending, and another status returned. The routine, the IRP, the status.
    MarkedNotPending = 0x23E,
    /// Deleting a device twice. 0, 0, the device.
    DeletedTwice = 0x240,
    /// `DO_DEVICE_INITIALIZING` left set by `AddDevice`. 0, 0, the device.
    StillInitialising = 0x243,
}

/// Bug check 0xC9.
#[cold]
pub(crate) fn fail(violation: Violation, [p2, p3, p4]: [u64; 3]) -> ! {
    bugcheck::bug_check(IOMANAGER_VIOLATION, [violation as u64, p2, p3, p4])
}
