//! Completing an IRP: up through the completion routines, then to its sender.

use std::ptr;

use pagewise_lab_nt as nt;

use super::dispatched;
use super::irp::IO_TYPE_IRP;
use super::verify::{self, Violation};
use super::{Irp, StackLocation};
use crate::bugcheck;
use crate::ke::irql;
use crate::trail;

/// `MULTIPLE_IRP_COMPLETE_REQUESTS`
/// (learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x44--multiple-irp-complete-requests).
const MULTIPLE_IRP_COMPLETE_REQUESTS: u32 = 0x44;

/// Completes `irp`; see [`IofCompleteRequest`].
pub fn complete(irp: Irp) {
    check(irp);
    let last = irp.stack_count() + 1;
    while irp.current_location() < last {
        let done = irp.current();
        dispatched::completed(irp);
        irp.step(1);
        let pending = done.control() & nt::SL_PENDING_RETURNED as u8;
        irp.set_pending_returned(pending);
        if irp.current_location() == last {
            trail::requests::completed(irp);
        }
        if wants_completion(irp, done) {
            if call_completion(irp, done, last) == nt::STATUS_MORE_PROCESSING_REQUIRED {
                return;
            }
        } else {
            done.clear();
            if pending != 0 && irp.current_location() < last {
                // A driver without a completion routine passes pending on, as it passes status on.
                let above = irp.current();
                above.set_control(above.control() | nt::SL_PENDING_RETURNED as u8);
            }
        }
    }
    end(irp);
}

fn check(irp: Irp) {
    let irql = irql::current();
    if irql > irql::DISPATCH_LEVEL {
        let parameters = [u64::from(irql), irp.address(), 0];
        verify::fail(Violation::CompletedAboveDispatch, parameters);
    }
    // An IRP that is its sender's again has been completed; one that is freed is none.
    if irp.kind() != IO_TYPE_IRP || irp.current_location() > irp.stack_count() {
        bugcheck::bug_check(MULTIPLE_IRP_COMPLETE_REQUESTS, [irp.address(), 0, 0, 0]);
    }
    let status = irp.status();
    if status == nt::STATUS_PENDING || status == -1 {
        let parameters = [u64::from(status.cast_unsigned()), irp.address(), 0];
        verify::fail(Violation::CompletedAsPending, parameters);
    }
    let routine = irp.cancel_routine();
    if !routine.is_null() {
        let parameters = [routine.addr() as u64, irp.address(), 0];
        verify::fail(Violation::CompletedCancellable, parameters);
    }
}

/// Whether the driver above `done` asked to be told of this outcome.
fn wants_completion(irp: Irp, done: StackLocation) -> bool {
    let outcome = if irp.status() >= 0 { nt::SL_INVOKE_ON_SUCCESS } else { nt::SL_INVOKE_ON_ERROR };
    let cancelled = if irp.cancel() != 0 { nt::SL_INVOKE_ON_CANCEL } else { 0 };
    u32::from(done.control()) & (outcome | cancelled) != 0
}

fn call_completion(irp: Irp, done: StackLocation, last: i8) -> i32 {
    let (routine, context) = (done.completion_routine(), done.context());
    done.clear();
    let Some(routine) = routine else { return nt::STATUS_SUCCESS };
    // The sender of the IRP has no stack location, hence no device.
    let device =
        if irp.current_location() == last { ptr::null_mut() } else { irp.current().device() };
    let completion = dispatched::completing(irp, routine as *const () as usize, !device.is_null());
    // SAFETY: the driver above set the routine for this IRP, to be called with this context.
    let status = unsafe { routine(device, irp.as_ptr(), context) };
    if let Some(completion) = completion {
        completion.end(irp, status);
    }
    status
}

/// Every driver is done: the sender's turn.
fn end(irp: Irp) {
    match irp.finish() {
        // SAFETY: who sent the IRP set both together.
        Some((finish, context)) => unsafe { finish(irp, context) },
        // A driver that makes an IRP takes it back in its completion routine, says the page of
        // IoCompleteRequest. Windows would go on to complete it to a thread that never sent it.
        None => verify::fail(Violation::Forgotten, [0, irp.address(), 0]),
    }
}

/// Completes an IRP: calls the completion routines of the drivers above, from the bottom up, until
/// one returns `STATUS_MORE_PROCESSING_REQUIRED`; then returns the result to the sender.
///
/// An IRP that is complete already is bug check 0x44; `STATUS_PENDING` as the status, or a cancel
/// routine left set, is 0xC9.
///
/// Page: wdm/nf-wdm-iofcompleterequest.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// The caller owns the IRP and was called with it.
pub unsafe extern "win64" fn IofCompleteRequest(irp: *mut nt::IRP, boost: i8) {
    // The machine has no thread priorities to boost.
    let _ = boost;
    // SAFETY: the caller vouches for the IRP.
    match unsafe { Irp::from_raw(irp) } {
        Some(irp) => complete(irp),
        None => bugcheck::bug_check(MULTIPLE_IRP_COMPLETE_REQUESTS, [0; 4]),
    }
}

crate::exports! {
    /// Completing IRPs.
    pub EXPORTS = [
        IofCompleteRequest(_, _),
        "IoCompleteRequest" = IofCompleteRequest(_, _),
    ];
}
