//! Presenting requests to the driver.

use pagewise_lab_nt::{
    IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_READ, IRP_MJ_WRITE,
    STATUS_INVALID_DEVICE_REQUEST, STATUS_SUCCESS,
};

use crate::abi::stop_action;
use crate::callback::locked;
use crate::gate::Power;
use crate::kernel::irp::Irp;
use crate::kernel::spin::SpinGuard;
use crate::object::{Instance, Ref, to_handle};
use crate::request::{Request, complete};

use super::body::{Queue, State};

const READ: u8 = IRP_MJ_READ as u8;
const WRITE: u8 = IRP_MJ_WRITE as u8;
const DEVICE_CONTROL: u8 = IRP_MJ_DEVICE_CONTROL as u8;
const INTERNAL_DEVICE_CONTROL: u8 = IRP_MJ_INTERNAL_DEVICE_CONTROL as u8;

/// Calls the driver's callback for a request, which is the driver's from here on.
///
/// # IRQL
/// What the queue's execution level says.
pub fn present(queue: &Ref<Queue>, request: &Instance<Request>) {
    let Some(irp) = request.irp() else { return };
    request.give_to_driver();
    if is_empty_transfer(irp) && !queue.allow_zero_length {
        return complete(request, STATUS_SUCCESS);
    }
    request.set_presented();
    if !locked(queue.callback_lock(), || call(queue, request, irp)) {
        complete(request, STATUS_INVALID_DEVICE_REQUEST);
    }
}

/// Whether it is a read or write of no bytes.
pub fn is_empty_transfer(irp: Irp) -> bool {
    matches!(irp.major(), READ | WRITE) && irp.parameters()[0] as u32 == 0
}

/// Calls the callback for the request's kind; `false` if there is none.
fn call(queue: &Ref<Queue>, request: &Instance<Request>, irp: Irp) -> bool {
    let callbacks = &queue.callbacks;
    let (queue, request) = (to_handle(queue), to_handle(request));
    // Lengths and the control code are 32 bits in slots of 64.
    let [first, second, third, _] = irp.parameters().map(|slot| slot as u32);
    let transfer = match irp.major() {
        READ => callbacks.read,
        WRITE => callbacks.write,
        _ => None,
    };
    let control = match irp.major() {
        DEVICE_CONTROL => callbacks.device_control,
        INTERNAL_DEVICE_CONTROL => callbacks.internal_device_control,
        _ => None,
    };
    if let Some(callback) = transfer {
        // SAFETY: the client's callback, with its queue and a request that it has now.
        unsafe { callback(queue, request, first as usize) };
    } else if let Some(callback) = control {
        // Output length, input length, code: the slots' own order.
        // SAFETY: as above.
        unsafe { callback(queue, request, first as usize, second as usize, third) };
    } else if let Some(callback) = callbacks.default {
        // SAFETY: as above.
        unsafe { callback(queue, request) };
    } else {
        return false;
    }
    true
}

/// Calls `EvtIoStop` for a request that it was not called for in this power transition. Without
/// the callback the framework waits for the driver to complete what it has.
pub fn ask_to_stop(queue: &Ref<Queue>, mut state: SpinGuard<'_, State>) {
    let Some(request) = state.owned.iter().find(|request| request.take_to_stop()) else {
        state.gate.to_stop = 0;
        return;
    };
    state.gate.to_stop -= 1;
    let purging = state.gate.power == Power::Purging;
    let request = Ref::new(request);
    drop(state);
    let Some(callback) = queue.callbacks.stop else { return };
    let action = if purging { stop_action::PURGE } else { stop_action::SUSPEND };
    let cancelable = if request.is_cancelable() { stop_action::CANCELABLE } else { 0 };
    locked(queue.callback_lock(), || {
        // SAFETY: the client's callback, with its queue and a request that it has.
        unsafe { callback(to_handle(queue), to_handle(&request), action | cancelable) };
    });
}
