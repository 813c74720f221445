//! From the IRP to the queue.

use pagewise_lab_nt::{
    IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_READ, IRP_MJ_WRITE, NTSTATUS,
    STATUS_CANCELLED, STATUS_INVALID_DEVICE_REQUEST, STATUS_INVALID_DEVICE_STATE, STATUS_PENDING,
};

use crate::device::Device;
use crate::gate::Dispatch;
use crate::kernel::irp::Irp;
use crate::kernel::irql;
use crate::kernel::thread::CriticalRegion;
use crate::object::{Instance, Ref, to_handle};
use crate::request::{Request, create_for_irp, end_without_driver};

use super::body::{Queue, State};
use super::{cancel, events};

/// The major functions of requests that queues take.
pub const MAJORS: [u8; 4] = [
    IRP_MJ_READ as u8,
    IRP_MJ_WRITE as u8,
    IRP_MJ_DEVICE_CONTROL as u8,
    IRP_MJ_INTERNAL_DEVICE_CONTROL as u8,
];

/// Handles an IRP of [`MAJORS`].
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn dispatch(device: &Instance<Device>, irp: Irp) -> NTSTATUS {
    // The driver is called in a critical region, if it is called in this thread.
    let region = (irql::current() <= irql::APC_LEVEL).then(CriticalRegion::enter);
    let status = dispatch_worker(device, irp);
    drop(region);
    status
}

fn dispatch_worker(device: &Instance<Device>, irp: Irp) -> NTSTATUS {
    let queue = device.queue_for(irp.major());
    if device.in_caller_context.is_none() {
        let unhandled = match queue {
            None => true,
            Some(queue) => is_default(device, queue) && !handles(queue, irp.major()),
        };
        if device.filter && unhandled {
            return irp.skip_to(device.attached());
        }
        if queue.is_none() {
            return irp.complete_with(STATUS_INVALID_DEVICE_REQUEST);
        }
    }
    let request = match create_for_irp(device, irp) {
        Ok(request) => request,
        Err(status) => return irp.complete_with(status),
    };
    if let Some(callback) = device.in_caller_context {
        irp.mark_pending();
        request.give_to_driver();
        // SAFETY: the client's callback, with its device and the request, which it has now.
        unsafe { callback(to_handle(device), to_handle(request)) };
        return STATUS_PENDING;
    }
    match queue {
        Some(queue) => enqueue(&Ref::new(queue), request, irp),
        None => irp.complete_with(STATUS_INVALID_DEVICE_REQUEST),
    }
}

fn is_default(device: &Device, queue: &Instance<Queue>) -> bool {
    device.default_queue().is_some_and(|default| core::ptr::eq(default, queue))
}

fn handles(queue: &Queue, major: u8) -> bool {
    const READ: u8 = IRP_MJ_READ as u8;
    const WRITE: u8 = IRP_MJ_WRITE as u8;
    const DEVICE_CONTROL: u8 = IRP_MJ_DEVICE_CONTROL as u8;
    let callbacks = &queue.callbacks;
    let manual = matches!(queue.state.lock().gate.dispatch, Dispatch::Manual);
    manual
        || callbacks.default.is_some()
        || match major {
            READ => callbacks.read.is_some(),
            WRITE => callbacks.write.is_some(),
            DEVICE_CONTROL => callbacks.device_control.is_some(),
            _ => callbacks.internal_device_control.is_some(),
        }
}

/// Gives a newborn request to a queue; what the dispatch routine returns.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn enqueue(queue: &Ref<Queue>, request: &Instance<Request>, irp: Irp) -> NTSTATUS {
    let mut state = queue.lock_state();
    if !state.gate.accepts {
        drop(state);
        end_without_driver(request, STATUS_INVALID_DEVICE_STATE);
        return STATUS_INVALID_DEVICE_STATE;
    }
    irp.mark_pending();
    if insert_waiting(queue, &mut state, request, false).is_err() {
        drop(state);
        end_without_driver(request, STATUS_CANCELLED);
        state = queue.lock_state();
    }
    events::run(queue, state);
    STATUS_PENDING
}

/// Under the lock: puts a request among those that wait, from where it can be cancelled.
///
/// # Errors
/// It was cancelled already; the caller ends it.
pub fn insert_waiting(
    queue: &Ref<Queue>,
    state: &mut State,
    request: &Instance<Request>,
    first: bool,
) -> Result<(), ()> {
    request.set_queue(Some(queue.clone()));
    if !cancel::arm(request, cancel::cancel_waiting) {
        return Err(());
    }
    if first {
        state.waiting.push_front(request);
    } else {
        state.waiting.push_back(request);
    }
    if state.gate.waiting == 0 {
        state.gate.became_ready = state.ready.is_some();
    }
    state.gate.waiting += 1;
    Ok(())
}
