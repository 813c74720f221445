//! Starting and stopping.

use pagewise_lab_nt::{
    NTSTATUS, STATUS_DELETE_PENDING, STATUS_INVALID_DEVICE_REQUEST, STATUS_SUCCESS,
};

use crate::object::Ref;

use super::body::{Queue, Wanted};
use super::events;
use super::purge::cancel_owned;

/// Opens the queue.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn start(queue: &Ref<Queue>) {
    let mut state = queue.lock_state();
    state.gate.start();
    state.gate.became_ready = state.ready.is_some() && state.gate.waiting > 0;
    events::run(queue, state);
}

/// Stops presenting. `done` is called once the driver has no request; with `cancel` those that it
/// marked cancelable are cancelled.
///
/// # Errors
/// `STATUS_DELETE_PENDING`; `STATUS_INVALID_DEVICE_REQUEST` when somebody waits for that already.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn stop(queue: &Ref<Queue>, cancel: bool, done: Option<Wanted>) -> NTSTATUS {
    let mut state = queue.lock_state();
    if state.gate.deleted {
        return STATUS_DELETE_PENDING;
    }
    if let Some(done) = done {
        if state.idle.is_some() {
            return STATUS_INVALID_DEVICE_REQUEST;
        }
        state.idle = Some(done);
        state.gate.idle_wanted = true;
    }
    state.gate.dispatches = false;
    state.gate.cancels_returned |= cancel;
    drop(state);
    if cancel {
        cancel_owned(queue);
    }
    let state = queue.lock_state();
    events::run(queue, state);
    STATUS_SUCCESS
}
