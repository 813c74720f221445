//! Purging and disposing.

use core::ffi::c_void;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, Ordering};

use pagewise_lab_nt::{
    FILE_OBJECT, NTSTATUS, STATUS_DELETE_PENDING, STATUS_INVALID_DEVICE_REQUEST, STATUS_SUCCESS,
};

use crate::abi::{EvtQueueState, Handle};
use crate::device::Device;
use crate::kernel::event::Event;
use crate::kernel::thread::CriticalRegion;
use crate::object::{Instance, Ref};
use crate::request::Request;

use super::body::{Context, Queue, State, Wanted};
use super::{cancel, events};

/// What a purge does beyond closing the queue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purge {
    /// Cancels what waits, and what the driver marked cancelable.
    Cancel,
    /// Nothing: what is in the queue is let through (a drain).
    Drain,
}

/// Closes the queue. `done` is called once it is empty and the driver has nothing of it.
///
/// **For a client of 1.11 or later the framework cancels what the driver gives back later on; to
/// find out, it reads the bind information in the client's image under the queue's lock, at
/// DISPATCH_LEVEL.** Every queue is purged when its device is removed or it is deleted, so a client
/// must be resident by then.
///
/// # Errors
/// `STATUS_DELETE_PENDING`; `STATUS_INVALID_DEVICE_REQUEST` when somebody waits for that already.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn purge(queue: &Ref<Queue>, how: Purge, done: Option<Wanted>) -> NTSTATUS {
    let mut state = queue.lock_state();
    if state.gate.deleted {
        return STATUS_DELETE_PENDING;
    }
    if let Some(done) = done {
        if state.purge.is_some() {
            return STATUS_INVALID_DEVICE_REQUEST;
        }
        state.purge = Some(done);
        state.gate.purge_wanted = true;
    }
    state.gate.accepts = false;
    if how == Purge::Cancel && queue.globals().is_version_at_least(1, 11) {
        state.gate.cancels_returned = true;
    }
    drop(state);
    if how == Purge::Cancel {
        cancel_waiting(queue);
        cancel_owned(queue);
    }
    let state = queue.lock_state();
    events::run(queue, state);
    STATUS_SUCCESS
}

fn cancel_waiting(queue: &Ref<Queue>) {
    loop {
        let mut state = queue.lock_state();
        let Some(request) = cancel::take_waiting(&mut state) else { return };
        let state = cancel::cancelled_while_waiting(queue, state, request);
        events::run(queue, state);
    }
}

/// Cancels what the driver has and marked cancelable.
pub fn cancel_owned(queue: &Ref<Queue>) {
    loop {
        let mut state = queue.lock_state();
        let Some(request) = take_cancelable(&state) else { return };
        cancel::cancelled_in_driver(&mut state, request);
        events::run(queue, state);
    }
}

fn take_cancelable<'a>(state: &State) -> Option<&'a Instance<Request>> {
    state.owned.iter().find(|request| request.is_cancelable() && cancel::disarm(request))
}

/// Sets the event that is its context.
///
/// # Safety
/// `context` is an event that somebody waits for.
pub unsafe extern "win64" fn set_event(_: Handle, context: *mut c_void) {
    // SAFETY: the caller vouches for the context.
    unsafe { &*context.cast::<Event>() }.set();
}

/// Begins something that calls back, and waits for that.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn synchronously(begin: impl FnOnce(Wanted) -> NTSTATUS) {
    let done = Event::uninitialised();
    done.initialise();
    let context = Context((&raw const done).cast_mut().cast());
    if begin((set_event as EvtQueueState, context)) >= 0 {
        let region = CriticalRegion::enter();
        done.wait();
        drop(region);
    }
}

/// The queue's part of disposal: it is purged, leaves its device, and waits until it is empty.
///
/// # IRQL
/// PASSIVE_LEVEL; the lock, and the read of the client's image under it, are at DISPATCH_LEVEL.
pub fn dispose(queue: &Instance<Queue>) {
    let queue = Ref::new(queue);
    purge(&queue, Purge::Cancel, None);
    let mut state = queue.lock_state();
    state.gate.disposing = true;
    leave_device(&queue.device, &queue);
    if events::run(&queue, state) {
        queue.finished.wait();
    }
}

fn leave_device(device: &Device, queue: &Instance<Queue>) {
    device.queues.remove(queue);
    let pointer = NonNull::from(queue).as_ptr();
    let forget = |slot: &AtomicPtr<Instance<Queue>>| {
        let none = core::ptr::null_mut();
        let _ = slot.compare_exchange(pointer, none, Ordering::AcqRel, Ordering::Relaxed);
    };
    forget(&device.default_queue);
    device.by_major.iter().for_each(forget);
}

/// The last handle of an open is gone: its requests that wait are cancelled, in every queue of the
/// device.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn cancel_of_open(device: &Device, file: *mut FILE_OBJECT) {
    if file.is_null() {
        return;
    }
    device.queues.for_each(|queue| {
        let queue = Ref::new(queue);
        loop {
            let mut state = queue.lock_state();
            let of_open = |request: &&Instance<Request>| {
                request.irp().is_some_and(|irp| irp.file_object() == file)
                    && cancel::disarm(request)
            };
            let Some(request) = state.waiting.iter().find(of_open) else { return };
            state.waiting.remove(request);
            state.gate.waiting -= 1;
            let state = cancel::cancelled_while_waiting(&queue, state, request);
            events::run(&queue, state);
        }
    });
}
