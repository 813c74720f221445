//! The dispatcher: calls the driver until there is nothing to do.

use core::ffi::c_void;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use pagewise_lab_nt::{
    DEVICE_OBJECT, DelayedWorkQueue, IoQueueWorkItem, KDPC, KeInsertQueueDpc, PIO_WORKITEM,
    STATUS_CANCELLED,
};

use crate::callback::locked;
use crate::gate::{Power, Step};
use crate::kernel::irql;
use crate::kernel::spin::SpinGuard;
use crate::kernel::thread::{self, CriticalRegion};
use crate::object::{Instance, Level, Ref, to_handle};
use crate::request::complete;

use super::body::{Queue, State, Wanted};
use super::{cancel, present};

/// Does what there is to do, in this thread if it may call the driver, and else in another one.
/// Takes the lock over, and returns without it; `false` if the queue is deleted.
///
/// # IRQL
/// DISPATCH_LEVEL, with the lock; the driver is called at the IRQL from before.
pub fn run<'a>(queue: &'a Instance<Queue>, mut state: SpinGuard<'a, State>) -> bool {
    if state.gate.deleted {
        return false;
    }
    let this = thread::current();
    if state.dispatching.contains(&this) {
        // The driver called from a callback of this queue: the dispatcher below goes on when that
        // returns. So a driver that completes in its callback does not pile up stack.
        return true;
    }
    if defer(queue, &mut state) {
        return true;
    }
    // The queue outlives the callbacks: it may be deleted in one of them.
    let queue = Ref::new(queue);
    state.gate.dispatchers += 1;
    if let Some(slot) = state.dispatching.iter_mut().find(|slot| **slot == 0) {
        *slot = this;
    }
    drop(state);
    loop {
        let state = queue.lock_state();
        if !step(&queue, state) {
            return true;
        }
    }
}

/// Under the lock: this thread is no longer in the dispatcher.
fn leave(state: &mut State) {
    let this = thread::current();
    state.gate.dispatchers -= 1;
    if let Some(slot) = state.dispatching.iter_mut().find(|slot| **slot == this) {
        *slot = 0;
    }
}

/// One step; whether there may be another. The lock is gone afterwards.
fn step(queue: &Ref<Queue>, mut state: SpinGuard<'_, State>) -> bool {
    match state.gate.next() {
        Step::TellCancelled => tell_cancelled(queue, state),
        Step::IdleComplete => {
            state.gate.idle_wanted = false;
            state.gate.cancels_returned = false;
            let wanted = state.idle.take();
            call_wanted(queue, state, wanted);
        }
        Step::PurgeComplete => {
            state.gate.purge_wanted = false;
            state.gate.cancels_returned = false;
            let wanted = state.purge.take();
            call_wanted(queue, state, wanted);
        }
        Step::Ready => {
            state.gate.became_ready = false;
            let wanted = state.ready;
            call_wanted(queue, state, wanted);
        }
        Step::AskToStop => present::ask_to_stop(queue, state),
        Step::PowerOff => {
            state.gate.power = Power::Off;
            queue.power_idle.set();
        }
        Step::Delete => {
            state.gate.deleted = true;
            drop(state);
            queue.finished.set();
            return false;
        }
        Step::Present => match cancel::take_waiting(&mut state) {
            Some(request) => {
                state.owned.push_back(request);
                state.gate.owned += 1;
                drop(state);
                present::present(queue, request);
            }
            // Whoever cancels the requests that are left will come by.
            None => {
                leave(&mut state);
                return false;
            }
        },
        Step::Done => {
            leave(&mut state);
            return false;
        }
    }
    true
}

fn call_wanted(queue: &Ref<Queue>, state: SpinGuard<'_, State>, wanted: Option<Wanted>) {
    drop(state);
    if let Some((callback, context)) = wanted {
        locked(queue.callback_lock(), || {
            // SAFETY: the callback that was asked for, with its queue and context.
            unsafe { callback(to_handle(queue), context.0) };
        });
    }
}

fn tell_cancelled(queue: &Ref<Queue>, mut state: SpinGuard<'_, State>) {
    if let Some(request) = state.cancelled.pop_front() {
        state.gate.cancelled -= 1;
        drop(state);
        if let Some(callback) = request.take_cancel_callback() {
            locked(queue.callback_lock(), || {
                // SAFETY: the client's callback, with a request that it has.
                unsafe { callback(to_handle(request)) };
            });
        }
        // SAFETY: counted by `cancelled_in_driver` for this.
        drop(unsafe { Ref::from_raw(NonNull::from(request)) });
    } else if let Some(request) = state.cancelled_on_queue.pop_front() {
        state.gate.cancelled -= 1;
        drop(state);
        match queue.callbacks.canceled_on_queue {
            Some(callback) => locked(queue.callback_lock(), || {
                // SAFETY: the client's callback, with its queue and a request that it has now.
                unsafe { callback(to_handle(queue), to_handle(request)) };
            }),
            None => complete(request, STATUS_CANCELLED),
        }
    }
}

/// Whether another thread must call the driver: this one is above PASSIVE_LEVEL and the driver
/// wants that level, or this one is in a callback under the very lock the next would need.
fn defer(queue: &Instance<Queue>, state: &mut SpinGuard<'_, State>) -> bool {
    let passive = queue.level == Level::Passive;
    let too_high = passive && state.irql_before() > irql::PASSIVE_LEVEL;
    let is_owner = queue.callback_lock().is_some_and(crate::callback::CallbackLock::is_owner);
    if !too_high && !is_owner {
        return false;
    }
    let context = NonNull::from(queue).as_ptr().cast::<c_void>();
    if passive && !state.work_item_queued {
        state.work_item_queued = true;
        queue.header().reference();
        let item: PIO_WORKITEM = queue.work_item.load(Ordering::Acquire).cast();
        // SAFETY: the queue's own item, which is not queued; the routine drops the reference.
        unsafe { IoQueueWorkItem(item, Some(deferred_work), DelayedWorkQueue, context) };
    } else if !passive && !state.dpc_queued {
        state.dpc_queued = true;
        queue.header().reference();
        // SAFETY: the queue's own DPC, initialised when it was made.
        unsafe {
            KeInsertQueueDpc(queue.dpc.get().cast(), core::ptr::null_mut(), core::ptr::null_mut())
        };
    }
    true
}

/// # Safety
/// `context` is a queue with a reference that the caller gives up.
unsafe fn queue_of(context: *mut c_void) -> Option<Ref<Queue>> {
    // SAFETY: the caller vouches for the pointer and the reference.
    NonNull::new(context.cast()).map(|queue| unsafe { Ref::from_raw(queue) })
}

unsafe extern "win64" fn deferred_work(_: *mut DEVICE_OBJECT, context: *mut c_void) {
    // SAFETY: referenced by `defer`.
    let Some(queue) = (unsafe { queue_of(context) }) else { return };
    let region = CriticalRegion::enter();
    let mut state = queue.lock_state();
    state.work_item_queued = false;
    run(&queue, state);
    drop(region);
}

/// The DPC of a queue whose driver is called at DISPATCH_LEVEL.
///
/// # Safety
/// Called by the kernel.
///
/// # IRQL
/// DISPATCH_LEVEL.
pub unsafe extern "win64" fn deferred_dpc(
    _: *mut KDPC,
    context: *mut c_void,
    _: *mut c_void,
    _: *mut c_void,
) {
    // SAFETY: referenced by `defer`.
    let Some(queue) = (unsafe { queue_of(context) }) else { return };
    let mut state = queue.lock_state();
    state.dpc_queued = false;
    run(&queue, state);
}
