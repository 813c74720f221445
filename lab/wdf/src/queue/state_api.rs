//! Functions of queues: state
//! (learn.microsoft.com/windows-hardware/drivers/ddi/wdfio).

use core::ffi::c_void;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use pagewise_lab_nt::{
    NTSTATUS, STATUS_INVALID_DEVICE_REQUEST, STATUS_INVALID_PARAMETER, STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
};

use crate::abi::{EvtQueueState, Handle, PublicGlobals, queue_state};
use crate::device::Device;
use crate::gate::{Dispatch, Power};
use crate::object::{Ref, from_handle, to_handle};
use crate::request::Request;

use super::body::{Context, Queue, Wanted};
use super::control::{start, stop};
use super::events;
use super::incoming::{self, MAJORS};
use super::purge::{Purge, purge, synchronously};

/// # Safety
/// `queue` is a live queue of the client.
unsafe fn queue_of(queue: Handle) -> Ref<Queue> {
    // SAFETY: the caller vouches for the handle.
    Ref::new(unsafe { from_handle::<Queue>(queue) })
}

fn wanted(callback: Option<EvtQueueState>, context: *mut c_void) -> Option<Wanted> {
    callback.map(|callback| (callback, Context(context)))
}

/// `WdfIoQueueGetState`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn io_queue_get_state(
    _: *mut PublicGlobals,
    queue: Handle,
    waiting: *mut u32,
    owned: *mut u32,
) -> u32 {
    // SAFETY: the client vouches for its handle.
    let gate = unsafe { queue_of(queue) }.lock_state().gate.clone();
    // SAFETY: the client vouches for its pointer.
    if let Some(out) = unsafe { waiting.as_mut() } {
        *out = gate.waiting;
    }
    // SAFETY: as above.
    if let Some(out) = unsafe { owned.as_mut() } {
        *out = gate.owned;
    }
    [
        (gate.accepts, queue_state::ACCEPT),
        (gate.dispatches, queue_state::DISPATCH),
        (gate.waiting == 0, queue_state::NO_REQUESTS),
        (gate.owned == 0, queue_state::DRIVER_NO_REQUESTS),
        (gate.power != Power::On, queue_state::PNP_HELD),
    ]
    .into_iter()
    .filter(|(is, _)| *is)
    .fold(0, |state, (_, bit)| state | bit)
}

/// `WdfIoQueueGetDevice`
///
/// # Safety
/// `queue` is a queue of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn io_queue_get_device(_: *mut PublicGlobals, queue: Handle) -> Handle {
    // SAFETY: the client vouches for its handle.
    to_handle(&unsafe { from_handle::<Queue>(queue) }.device)
}

/// `WdfIoQueueStart`
///
/// # Safety
/// `queue` is a queue of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn io_queue_start(_: *mut PublicGlobals, queue: Handle) {
    // SAFETY: the client vouches for its handle.
    start(&unsafe { queue_of(queue) });
}

/// `WdfIoQueueStop`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn io_queue_stop(
    _: *mut PublicGlobals,
    queue: Handle,
    callback: Option<EvtQueueState>,
    context: *mut c_void,
) {
    // SAFETY: the client vouches for its handle.
    stop(&unsafe { queue_of(queue) }, false, wanted(callback, context));
}

/// `WdfIoQueueStopSynchronously`
///
/// # Safety
/// `queue` is a queue of the client.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn io_queue_stop_synchronously(_: *mut PublicGlobals, queue: Handle) {
    // SAFETY: the client vouches for its handle.
    let queue = unsafe { queue_of(queue) };
    synchronously(|done| stop(&queue, false, Some(done)));
}

/// `WdfIoQueueDrain`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn io_queue_drain(
    _: *mut PublicGlobals,
    queue: Handle,
    callback: Option<EvtQueueState>,
    context: *mut c_void,
) {
    // SAFETY: the client vouches for its handle.
    purge(&unsafe { queue_of(queue) }, Purge::Drain, wanted(callback, context));
}

/// `WdfIoQueueDrainSynchronously`
///
/// # Safety
/// `queue` is a queue of the client.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn io_queue_drain_synchronously(_: *mut PublicGlobals, queue: Handle) {
    // SAFETY: the client vouches for its handle.
    let queue = unsafe { queue_of(queue) };
    synchronously(|done| purge(&queue, Purge::Drain, Some(done)));
}

/// `WdfIoQueuePurge`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn io_queue_purge(
    _: *mut PublicGlobals,
    queue: Handle,
    callback: Option<EvtQueueState>,
    context: *mut c_void,
) {
    // SAFETY: the client vouches for its handle.
    purge(&unsafe { queue_of(queue) }, Purge::Cancel, wanted(callback, context));
}

/// `WdfIoQueuePurgeSynchronously`
///
/// # Safety
/// `queue` is a queue of the client.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn io_queue_purge_synchronously(_: *mut PublicGlobals, queue: Handle) {
    // SAFETY: the client vouches for its handle.
    let queue = unsafe { queue_of(queue) };
    synchronously(|done| purge(&queue, Purge::Cancel, Some(done)));
}

/// `WdfIoQueueStopAndPurge`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn io_queue_stop_and_purge(
    _: *mut PublicGlobals,
    queue: Handle,
    callback: Option<EvtQueueState>,
    context: *mut c_void,
) {
    // SAFETY: the client vouches for its handle.
    stop(&unsafe { queue_of(queue) }, true, wanted(callback, context));
}

/// `WdfIoQueueStopAndPurgeSynchronously`
///
/// # Safety
/// `queue` is a queue of the client.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn io_queue_stop_and_purge_synchronously(
    _: *mut PublicGlobals,
    queue: Handle,
) {
    // SAFETY: the client vouches for its handle.
    let queue = unsafe { queue_of(queue) };
    synchronously(|done| stop(&queue, true, Some(done)));
}

/// `WdfIoQueueReadyNotify`: a null callback takes it back, for a stopped queue.
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn io_queue_ready_notify(
    _: *mut PublicGlobals,
    queue: Handle,
    callback: Option<EvtQueueState>,
    context: *mut c_void,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let queue = unsafe { queue_of(queue) };
    let mut state = queue.lock_state();
    if state.gate.dispatch != Dispatch::Manual {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    match wanted(callback, context) {
        Some(_) if state.ready.is_some() => return STATUS_INVALID_DEVICE_REQUEST,
        None if state.gate.dispatches => return STATUS_INVALID_DEVICE_REQUEST,
        new => {
            state.ready = new;
            state.gate.became_ready = new.is_some() && state.gate.waiting > 0;
        }
    }
    events::run(&queue, state);
    STATUS_SUCCESS
}

/// `WdfDeviceConfigureRequestDispatching`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn device_configure_request_dispatching(
    _: *mut PublicGlobals,
    device: Handle,
    queue: Handle,
    kind: u32,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let device = unsafe { from_handle::<Device>(device) };
    // SAFETY: as above.
    let queue = unsafe { from_handle::<Queue>(queue) };
    let Ok(major) = u8::try_from(kind) else { return STATUS_INVALID_PARAMETER };
    let create = pagewise_lab_nt::IRP_MJ_CREATE as u8;
    if !MAJORS.contains(&major) && major != create || !core::ptr::eq(device, &*queue.device) {
        return STATUS_INVALID_PARAMETER;
    }
    let slot = &device.by_major[usize::from(major)];
    let current = slot.load(Ordering::Acquire);
    let default = device.default_queue.load(Ordering::Acquire);
    if !current.is_null() && current != default {
        return STATUS_UNSUCCESSFUL;
    }
    slot.store(NonNull::from(queue).as_ptr(), Ordering::Release);
    STATUS_SUCCESS
}

/// `WdfDeviceEnqueueRequest`: what `EvtIoInCallerContext` does with a request that it leaves to
/// the device's queues.
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn device_enqueue_request(
    _: *mut PublicGlobals,
    device: Handle,
    request: Handle,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let device = unsafe { from_handle::<Device>(device) };
    // SAFETY: as above.
    let request = unsafe { from_handle::<Request>(request) };
    let Some(irp) = request.irp() else { return STATUS_INVALID_DEVICE_REQUEST };
    let Some(queue) = device.queue_for(irp.major()) else { return STATUS_INVALID_DEVICE_REQUEST };
    let queue = Ref::new(queue);
    let mut state = queue.lock_state();
    if !state.gate.accepts {
        return crate::abi::STATUS_WDF_BUSY;
    }
    request.take_from_driver();
    if incoming::insert_waiting(&queue, &mut state, request, false).is_err() {
        state = super::cancel::cancelled_while_waiting(&queue, state, request);
    }
    events::run(&queue, state);
    STATUS_SUCCESS
}
