//! What the device's power and its removal do to its queues.

use crate::device::Device;
use crate::gate::Power;
use crate::kernel::spin::SpinGuard;
use crate::object::{Instance, Ref, to_handle};

use super::body::{Queue, State};
use super::events;
use super::purge::{Purge, purge};

/// Stops the power-managed queues: returns when the driver has nothing of them, or acknowledged
/// that it stopped what it has.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn hold(device: &Instance<Device>) {
    device.queues.for_each(|queue| {
        if queue.power_managed {
            change(queue, Power::Stopping);
        }
    });
}

/// Closes the power-managed queues for good and waits until they are empty.
///
/// # IRQL
/// PASSIVE_LEVEL; see [`purge`] for what is read at DISPATCH_LEVEL.
pub fn purge_managed(device: &Instance<Device>) {
    purge_where(device, true);
}

/// Closes the other queues for good and waits until they are empty.
///
/// # IRQL
/// As for [`purge_managed`].
pub fn purge_not_managed(device: &Instance<Device>) {
    purge_where(device, false);
}

fn purge_where(device: &Instance<Device>, managed: bool) {
    device.queues.for_each(|queue| {
        if queue.power_managed == managed {
            queue.lock_state().gate.shut_down();
            purge(&Ref::new(queue), Purge::Cancel, None);
            change(queue, Power::Purging);
        }
    });
}

fn change(queue: &Instance<Queue>, power: Power) {
    let mut state = queue.lock_state();
    state.gate.power = power;
    ask_all(queue, &mut state);
    queue.power_idle.clear();
    if events::run(queue, state) {
        queue.power_idle.wait();
    }
}

/// Under the lock: `EvtIoStop` is to be called for every request that the driver has.
fn ask_all(queue: &Queue, state: &mut SpinGuard<'_, State>) {
    if queue.callbacks.stop.is_none() {
        return;
    }
    let mut asked = 0;
    for request in state.owned.iter() {
        asked += u32::from(request.set_to_stop());
    }
    state.gate.to_stop = asked;
}

/// Lets the power-managed queues go on; `EvtIoResume` is called for what the driver had stopped.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn resume(device: &Instance<Device>) {
    device.queues.for_each(|queue| {
        if queue.power_managed {
            resume_queue(queue);
        }
    });
}

fn resume_queue(queue: &Instance<Queue>) {
    let mut state = queue.lock_state();
    if state.gate.power != Power::Off {
        return;
    }
    state.gate.power = Power::On;
    while let Some(request) = state.owned.iter().find(|request| request.take_stopped()) {
        state.gate.stopped -= 1;
        let request = Ref::new(request);
        drop(state);
        if let Some(callback) = queue.callbacks.resume {
            crate::callback::locked(queue.callback_lock(), || {
                // SAFETY: the client's callback, with its queue and a request that it has.
                unsafe { callback(to_handle(queue), to_handle(&request)) };
            });
        }
        state = queue.lock_state();
    }
    state.gate.became_ready = state.ready.is_some() && state.gate.waiting > 0;
    events::run(queue, state);
}
