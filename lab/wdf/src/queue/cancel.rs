//! Cancellation.
//!
//! A request that waits, and one that the driver marked cancelable, has a cancel routine set on
//! its IRP. Whoever takes the routine off (`IoSetCancelRoutine` returns it) has the request; if it
//! is gone, the routine is running or about to, and the request is its.

use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use pagewise_lab_nt::{DEVICE_OBJECT, IRP, STATUS_CANCELLED};

use crate::kernel::irp::{CancelRoutine, Irp};
use crate::object::{Instance, Ref};
use crate::request::{Request, end_without_driver};

use super::body::{Queue, State};
use super::events;

/// Under the queue's lock: lets `routine` be called when the IRP is cancelled; `false` if it was
/// cancelled before, and nobody will call the routine.
pub fn arm(request: &Instance<Request>, routine: CancelRoutine) -> bool {
    let Some(irp) = request.irp() else { return false };
    let pointer = NonNull::from(request).as_ptr();
    irp.driver_context().store(pointer.cast(), Ordering::Release);
    irp.set_cancel_routine(Some(routine));
    // Cancelled meanwhile: either we get the routine back, or it is about to run and finds the
    // request in its list, for which it must wait until the lock is released.
    !(irp.is_cancelled() && irp.set_cancel_routine(None).is_some())
}

/// Under the queue's lock: takes the cancel routine off; `false` if it is running or about to.
pub fn disarm(request: &Instance<Request>) -> bool {
    request.irp().is_some_and(|irp| irp.set_cancel_routine(None).is_some())
}

/// Under the lock: takes the first waiting request that is not being cancelled.
pub fn take_waiting<'a>(state: &mut State) -> Option<&'a Instance<Request>> {
    let request = state.waiting.iter().find(|request| disarm(request))?;
    state.waiting.remove(request);
    state.gate.waiting -= 1;
    Some(request)
}

/// The request of an IRP whose cancel routine runs, and its queue.
///
/// # Safety
/// Called by the routine that [`arm`] set, once, with the cancel spin lock held for it.
unsafe fn request_of<'a>(irp: *mut IRP) -> Option<(&'a Instance<Request>, Ref<Queue>)> {
    // SAFETY: the IRP is this driver's until the request is completed.
    let irp = unsafe { Irp::new(NonNull::new(irp)?) };
    // SAFETY: the I/O manager took the lock for the routine.
    unsafe { irp.release_cancel_lock() };
    let request = irp.driver_context().load(Ordering::Acquire).cast::<Instance<Request>>();
    // SAFETY: set by `arm`; the request is the routine's, so it lives.
    let request = unsafe { request.as_ref() }?;
    Some((request, request.queue()?))
}

/// Cancels a request that waits.
///
/// # Safety
/// Called by the I/O manager.
///
/// # IRQL
/// DISPATCH_LEVEL, with the cancel spin lock.
pub unsafe extern "win64" fn cancel_waiting(_: *mut DEVICE_OBJECT, irp: *mut IRP) {
    // SAFETY: the I/O manager calls the routine that was set.
    let Some((request, queue)) = (unsafe { request_of(irp) }) else { return };
    let mut state = queue.lock_state();
    state.waiting.remove(request);
    state.gate.waiting -= 1;
    let state = cancelled_while_waiting(&queue, state, request);
    events::run(&queue, state);
}

/// Under the lock, which it may let go and take again: a request that the driver does not have is
/// cancelled. If the driver had it before and wants to know, it hears by `EvtIoCanceledOnQueue`.
pub fn cancelled_while_waiting<'a>(
    queue: &'a Queue,
    mut state: crate::kernel::spin::SpinGuard<'a, State>,
    request: &Instance<Request>,
) -> crate::kernel::spin::SpinGuard<'a, State> {
    request.set_cancelled();
    if queue.callbacks.canceled_on_queue.is_some() && request.was_presented() {
        request.give_to_driver();
        state.owned.push_back(request);
        state.gate.owned += 1;
        state.cancelled_on_queue.push_back(request);
        state.gate.cancelled += 1;
        return state;
    }
    drop(state);
    end_without_driver(request, STATUS_CANCELLED);
    queue.lock_state()
}

/// Cancels a request that the driver has and marked cancelable.
///
/// # Safety
/// Called by the I/O manager.
///
/// # IRQL
/// DISPATCH_LEVEL, with the cancel spin lock.
pub unsafe extern "win64" fn cancel_owned(_: *mut DEVICE_OBJECT, irp: *mut IRP) {
    // SAFETY: the I/O manager calls the routine that was set.
    let Some((request, queue)) = (unsafe { request_of(irp) }) else { return };
    let mut state = queue.lock_state();
    cancelled_in_driver(&mut state, request);
    events::run(&queue, state);
}

/// Under the lock: the driver is to hear, by `EvtRequestCancel`, that a request it has is
/// cancelled.
pub fn cancelled_in_driver(state: &mut State, request: &Instance<Request>) {
    request.set_cancelled();
    // Kept until the callback is over: the driver may complete it there.
    core::mem::forget(Ref::new(request));
    state.cancelled.push_back(request);
    state.gate.cancelled += 1;
}
