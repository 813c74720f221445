//! The device's one queue, and what arrives on it.

use wdk::{nt_success, paged_code};
use wdk_sys::{
    _WDF_EXECUTION_LEVEL, _WDF_IO_QUEUE_DISPATCH_TYPE, _WDF_SYNCHRONIZATION_SCOPE, _WDF_TRI_STATE,
    NTSTATUS, STATUS_INTERNAL_ERROR, STATUS_SUCCESS, ULONG, WDF_IO_QUEUE_CONFIG,
    WDF_OBJECT_ATTRIBUTES, WDFDEVICE, WDFQUEUE, WDFREQUEST,
};

use crate::request::IoRequest;
use crate::{device, status, wdf};

/// Creates the default queue: one request at a time, at `PASSIVE_LEVEL`, and none while the device is
/// not working.
///
/// # Safety
/// `device` is being added.
///
/// # IRQL
/// `PASSIVE_LEVEL`
#[unsafe(link_section = "PAGE")]
pub unsafe fn create(device: WDFDEVICE) -> Result<(), NTSTATUS> {
    let mut config = WDF_IO_QUEUE_CONFIG {
        Size: wdf::size_of_struct::<WDF_IO_QUEUE_CONFIG>(),
        DispatchType: _WDF_IO_QUEUE_DISPATCH_TYPE::WdfIoQueueDispatchSequential,
        PowerManaged: _WDF_TRI_STATE::WdfTrue,
        DefaultQueue: u8::from(true),
        EvtIoDeviceControl: Some(evt_io_device_control),
        ..WDF_IO_QUEUE_CONFIG::default()
    };
    // No context: the framework would read its description when a request arrives, at any IRQL.
    // No scope: with one, the framework would call at DISPATCH_LEVEL under a lock of its own.
    let mut attributes = WDF_OBJECT_ATTRIBUTES {
        Size: wdf::size_of_struct::<WDF_OBJECT_ATTRIBUTES>(),
        ExecutionLevel: _WDF_EXECUTION_LEVEL::WdfExecutionLevelPassive,
        SynchronizationScope: _WDF_SYNCHRONIZATION_SCOPE::WdfSynchronizationScopeNone,
        ..WDF_OBJECT_ATTRIBUTES::default()
    };
    // SAFETY: the device is the caller's, and the callback is of the documented type.
    let status = unsafe { wdf::io_queue_create(device, &mut config, &mut attributes) };
    if nt_success(status) { Ok(()) } else { Err(status) }
}

/// Serves one request from beginning to end: nothing is ever left pending.
///
/// # Safety
/// Called by the framework, with a request that the driver then owns.
///
/// # IRQL
/// `PASSIVE_LEVEL`
#[unsafe(link_section = "PAGE")]
unsafe extern "C" fn evt_io_device_control(
    queue: WDFQUEUE,
    request: WDFREQUEST,
    _output_length: usize,
    input_length: usize,
    code: ULONG,
) {
    paged_code!();
    // SAFETY: the framework just gave the request away, with this length of input.
    let mut request = unsafe { IoRequest::new(request, input_length) };
    // SAFETY: the queue is the framework's.
    let device = unsafe { wdf::io_queue_get_device(queue) };
    // SAFETY: the queue is of this driver's device.
    let Some(context) = (unsafe { device::context_of(device) }) else {
        request.complete(STATUS_INTERNAL_ERROR, 0);
        return;
    };
    // SAFETY: the queue is sequential, so no other request is being served, and power-managed, so
    // that the device is neither being prepared nor being released.
    let served =
        unsafe { context.exclusively(|driver, kernel| driver.serve(code, &mut request, kernel)) };
    match served {
        Ok(written) => request.complete(STATUS_SUCCESS, written),
        Err(refusal) => request.complete(status::of(refusal), 0),
    }
}
