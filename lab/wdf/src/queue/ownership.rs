//! Requests between queue and driver.

use pagewise_lab_nt::{
    FILE_OBJECT, NTSTATUS, STATUS_CANCELLED, STATUS_INVALID_DEVICE_REQUEST,
    STATUS_INVALID_DEVICE_STATE, STATUS_NO_MORE_ENTRIES, STATUS_NOT_FOUND, STATUS_SUCCESS,
};

use crate::abi::{
    EvtRequestCancel, STATUS_WDF_BUSY, STATUS_WDF_PAUSED, STATUS_WDF_REQUEST_INVALID_STATE,
};
use crate::gate::{Dispatch, Power};
use crate::object::{Instance, Ref};
use crate::request::{Request, end_without_driver};

use super::body::{Queue, State};
use super::incoming::insert_waiting;
use super::present::is_empty_transfer;
use super::{cancel, events};

/// Under the lock: the driver no longer has the request.
fn disown(state: &mut State, request: &Instance<Request>) -> bool {
    let owned = state.owned.remove(request);
    if owned {
        state.gate.owned -= 1;
        state.gate.to_stop -= u32::from(request.take_to_stop());
        state.gate.stopped -= u32::from(request.take_stopped());
    }
    owned
}

/// The driver completed a request of the queue.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn completed(queue: &Ref<Queue>, request: &Instance<Request>) {
    let mut state = queue.lock_state();
    disown(&mut state, request);
    events::run(queue, state);
}

/// Takes the next waiting request for the driver, of this open if one is named.
///
/// # Errors
/// `STATUS_INVALID_DEVICE_STATE` for a parallel queue; `STATUS_WDF_PAUSED` while nothing is
/// dispatched; `STATUS_NO_MORE_ENTRIES`.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn retrieve<'a>(
    queue: &Queue,
    file: Option<*mut FILE_OBJECT>,
) -> Result<&'a Instance<Request>, NTSTATUS> {
    loop {
        let request = take_next(queue, |request| {
            file.is_none_or(|file| request.irp().is_some_and(|irp| irp.file_object() == file))
        })?;
        match request.irp() {
            Some(irp) if is_empty_transfer(irp) && !queue.allow_zero_length => {
                // Never meant for the driver.
                let mut state = queue.lock_state();
                disown(&mut state, request);
                drop(state);
                end_without_driver(request, STATUS_SUCCESS);
            }
            _ => return Ok(request),
        }
    }
}

/// Takes a certain waiting request for the driver.
///
/// # Errors
/// As for [`retrieve`]; `STATUS_NOT_FOUND` when it does not wait in the queue any more.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn retrieve_found<'a>(
    queue: &Queue,
    found: &Instance<Request>,
) -> Result<&'a Instance<Request>, NTSTATUS> {
    take_next(queue, |request| core::ptr::eq(request, found))
        .map_err(|status| if status == STATUS_NO_MORE_ENTRIES { STATUS_NOT_FOUND } else { status })
}

fn take_next<'a>(
    queue: &Queue,
    wanted: impl Fn(&Instance<Request>) -> bool,
) -> Result<&'a Instance<Request>, NTSTATUS> {
    let mut state = queue.lock_state();
    if matches!(state.gate.dispatch, Dispatch::Parallel(_)) {
        return Err(STATUS_INVALID_DEVICE_STATE);
    }
    if state.gate.power == Power::Off || !state.gate.dispatches {
        return Err(STATUS_WDF_PAUSED);
    }
    let request = state.waiting.iter().find(|request| wanted(request) && cancel::disarm(request));
    let request = request.ok_or(STATUS_NO_MORE_ENTRIES)?;
    state.waiting.remove(request);
    state.gate.waiting -= 1;
    request.give_to_driver();
    request.set_presented();
    state.owned.push_back(request);
    state.gate.owned += 1;
    Ok(request)
}

/// The waiting request after `found` (or the first), of this open if one is named, with a
/// reference that the driver has to give back.
///
/// # Errors
/// `STATUS_WDF_PAUSED`, `STATUS_NOT_FOUND` when `found` does not wait any more,
/// `STATUS_NO_MORE_ENTRIES`.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn find(
    queue: &Queue,
    found: Option<&Instance<Request>>,
    file: Option<*mut FILE_OBJECT>,
) -> Result<Ref<Request>, NTSTATUS> {
    let state = queue.lock_state();
    if state.gate.power == Power::Off || !state.gate.dispatches {
        return Err(STATUS_WDF_PAUSED);
    }
    let mut requests = state.waiting.iter();
    if let Some(found) = found {
        requests.find(|request| core::ptr::eq(*request, found)).ok_or(STATUS_NOT_FOUND)?;
    }
    requests
        .find(|request| {
            file.is_none_or(|file| request.irp().is_some_and(|irp| irp.file_object() == file))
        })
        .map(Ref::new)
        .ok_or(STATUS_NO_MORE_ENTRIES)
}

/// The driver gives a request to another queue.
///
/// # Errors
/// `STATUS_INVALID_DEVICE_REQUEST` for the queue it is from, a queue of another device, or a
/// request that the driver does not have; `STATUS_WDF_BUSY` when the queue is closed. The driver
/// has it still then.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn forward(request: &Instance<Request>, to: &Instance<Queue>) -> NTSTATUS {
    let from = request.queue();
    let same_queue =
        from.as_ref().is_some_and(|from| core::ptr::eq::<Instance<Queue>>(&**from, to));
    let same_device = core::ptr::eq::<Instance<_>>(&*to.device, request.device());
    if same_queue || !same_device || !request.is_with_driver() || request.is_cancelable() {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    let to = Ref::new(to);
    let mut state = to.lock_state();
    if !state.gate.accepts {
        return STATUS_WDF_BUSY;
    }
    drop(state);
    if let Some(from) = &from {
        let mut from_state = from.lock_state();
        disown(&mut from_state, request);
    }
    request.take_from_driver();
    state = to.lock_state();
    if insert_waiting(&to, &mut state, request, false).is_err() {
        state = cancel::cancelled_while_waiting(&to, state, request);
    }
    events::run(&to, state);
    if let Some(from) = &from {
        let state = from.lock_state();
        events::run(from, state);
    }
    STATUS_SUCCESS
}

/// The driver gives a request back to the manual queue that it is from, first in line.
///
/// # Errors
/// `STATUS_INVALID_DEVICE_REQUEST` for another kind of queue; `STATUS_WDF_REQUEST_INVALID_STATE`
/// when the driver does not have it.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn requeue(request: &Instance<Request>) -> NTSTATUS {
    let Some(queue) = request.queue().filter(|_| request.is_with_driver()) else {
        return STATUS_WDF_REQUEST_INVALID_STATE;
    };
    let mut state = queue.lock_state();
    if state.gate.dispatch != Dispatch::Manual {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    put_back(&queue, &mut state, request);
    let cancelled = state.gate.cancels_returned && cancel::disarm(request);
    if cancelled {
        state.waiting.remove(request);
        state.gate.waiting -= 1;
        state = cancel::cancelled_while_waiting(&queue, state, request);
    }
    events::run(&queue, state);
    STATUS_SUCCESS
}

/// Under the lock: from the driver to the head of the queue.
fn put_back(queue: &Ref<Queue>, state: &mut State, request: &Instance<Request>) {
    disown(state, request);
    request.take_from_driver();
    if insert_waiting(queue, state, request, true).is_err() {
        // Cancelled while the driver had it: the dispatcher tells it, or ends it.
        request.give_to_driver();
        state.owned.push_back(request);
        state.gate.owned += 1;
        state.cancelled_on_queue.push_back(request);
        state.gate.cancelled += 1;
    }
}

/// The driver answers `EvtIoStop`.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn stop_acknowledge(request: &Instance<Request>, back: bool) {
    let Some(queue) = request.queue() else { return };
    let mut state = queue.lock_state();
    if back {
        put_back(&queue, &mut state, request);
    } else if request.set_stopped() {
        state.gate.stopped += 1;
    }
    events::run(&queue, state);
}

/// The driver lets a request be cancelled: `callback` is called then. One that is cancelled
/// already is refused, or with `tell` its callback is called at once.
///
/// # Errors
/// `STATUS_CANCELLED`; `STATUS_INVALID_DEVICE_REQUEST` when it is cancelable already or the driver
/// does not have it.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn mark_cancelable(
    request: &Instance<Request>,
    callback: EvtRequestCancel,
    tell: bool,
) -> NTSTATUS {
    let Some(queue) = request.queue().filter(|_| request.is_with_driver()) else {
        return STATUS_INVALID_DEVICE_REQUEST;
    };
    let mut state = queue.lock_state();
    if request.is_cancelable() {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    request.set_cancel_callback(Some(callback));
    if !state.gate.cancels_returned && cancel::arm(request, cancel::cancel_owned) {
        return STATUS_SUCCESS;
    }
    if tell {
        cancel::cancelled_in_driver(&mut state, request);
        events::run(&queue, state);
        return STATUS_SUCCESS;
    }
    request.set_cancel_callback(None);
    STATUS_CANCELLED
}

/// The driver takes that back.
///
/// # Errors
/// `STATUS_CANCELLED` when the callback was called or is about to be;
/// `STATUS_INVALID_DEVICE_REQUEST` when the request was not cancelable.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn unmark_cancelable(request: &Instance<Request>) -> NTSTATUS {
    let Some(queue) = request.queue() else { return STATUS_INVALID_DEVICE_REQUEST };
    let state = queue.lock_state();
    let status = match () {
        () if cancel::disarm(request) => {
            request.set_cancel_callback(None);
            STATUS_SUCCESS
        }
        () if request.is_cancelled() || request.is_cancelable() => STATUS_CANCELLED,
        () => STATUS_INVALID_DEVICE_REQUEST,
    };
    drop(state);
    status
}
