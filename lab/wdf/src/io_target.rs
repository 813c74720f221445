//! I/O targets: the next lower driver, and sending it what was received
//! (learn.microsoft.com/windows-hardware/drivers/ddi/wdfiotarget).
//!
//! Provided is what a filter needs: a device's own target, and requests that go on to it, either
//! for good or with a wait. Requests of the driver's own and completion routines are not.

use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use pagewise_lab_nt::{
    DEVICE_OBJECT, NTSTATUS, STATUS_INVALID_DEVICE_REQUEST, STATUS_INVALID_PARAMETER,
    STATUS_NOT_SUPPORTED,
};

use crate::abi::{Boolean, Handle, PublicGlobals, SendOptions, send_option};
use crate::device::Device;
use crate::object::{
    Instance, Kind, Object, create_under, delete, destroy_children, dispose, from_handle, to_handle,
};
use crate::queue;
use crate::request::Request;

/// The next lower driver of a device.
pub struct IoTarget {
    device: NonNull<Instance<Device>>,
}

// SAFETY: the one body of this kind. The device is its parent and outlives it.
unsafe impl Object for IoTarget {
    const KIND: Kind = Kind::IoTarget;
    const DELETABLE: bool = false;
}

impl IoTarget {
    fn device(&self) -> &Instance<Device> {
        // SAFETY: a parent outlives its children.
        unsafe { self.device.as_ref() }
    }
}

/// `WdfDeviceGetIoTarget`: made when it is first asked for; null when there is no memory for it.
///
/// # Safety
/// `device` is a device of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn device_get_io_target(_: *mut PublicGlobals, device: Handle) -> Handle {
    // SAFETY: the client vouches for its handle.
    let device = unsafe { from_handle::<Device>(device) };
    let known = device.io_target.load(Ordering::Acquire);
    // SAFETY: null, or a child of the device, which lives.
    if let Some(known) = unsafe { known.as_ref() } {
        return to_handle(known);
    }
    let body = IoTarget { device: NonNull::from(device) };
    // SAFETY: without attributes.
    let made = unsafe { create_under(device.globals(), None, device.header(), body) };
    let Ok(made) = made else { return Handle::NULL };
    let pointer = NonNull::from(made).as_ptr();
    let none = core::ptr::null_mut();
    match device.io_target.compare_exchange(none, pointer, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => to_handle(made),
        Err(first) => {
            delete(made.header());
            // SAFETY: a child of the device, which lives.
            to_handle(unsafe { &*first })
        }
    }
}

/// `WdfIoTargetGetDevice`
///
/// # Safety
/// `target` is a target of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn io_target_get_device(_: *mut PublicGlobals, target: Handle) -> Handle {
    // SAFETY: the client vouches for its handle.
    to_handle(unsafe { from_handle::<IoTarget>(target) }.device())
}

/// `WdfIoTargetWdmGetTargetDeviceObject`
///
/// # Safety
/// `target` is a target of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn io_target_wdm_get_target_device_object(
    _: *mut PublicGlobals,
    target: Handle,
) -> *mut DEVICE_OBJECT {
    // SAFETY: the client vouches for its handle.
    unsafe { from_handle::<IoTarget>(target) }.device().attached()
}

/// `WdfIoTargetWdmGetTargetPhysicalDevice`
///
/// # Safety
/// `target` is a target of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn io_target_wdm_get_target_physical_device(
    _: *mut PublicGlobals,
    target: Handle,
) -> *mut DEVICE_OBJECT {
    // SAFETY: the client vouches for its handle.
    unsafe { from_handle::<IoTarget>(target) }.device().physical
}

/// `WdfRequestFormatRequestUsingCurrentType`: the stack location is copied when the request is
/// sent, so there is nothing to do.
///
/// # Safety
/// The client has the request.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_format_request_using_current_type(
    _: *mut PublicGlobals,
    request: Handle,
) {
    // SAFETY: the client vouches for its handle.
    unsafe { from_handle::<Request>(request) };
}

/// `WdfRequestSend`, for requests that go on for good (`..._SEND_AND_FORGET`) or are waited for
/// (`..._SYNCHRONOUS`, without a time limit). Others are refused: the function answers FALSE, and
/// the request's status is `STATUS_NOT_SUPPORTED`.
///
/// # Safety
/// The client has the request, and no longer if it goes on for good.
///
/// # IRQL
/// At most DISPATCH_LEVEL; PASSIVE_LEVEL to wait.
pub unsafe extern "win64" fn request_send(
    _: *mut PublicGlobals,
    request: Handle,
    target: Handle,
    options: *const SendOptions,
) -> Boolean {
    // SAFETY: the client vouches for its handle.
    let request = unsafe { from_handle::<Request>(request) };
    // SAFETY: as above.
    let target = unsafe { from_handle::<IoTarget>(target) };
    // SAFETY: the client vouches for its pointer.
    let flags = match unsafe { options.as_ref() } {
        Some(options) if options.size as usize != size_of::<SendOptions>() => {
            return refuse(request, STATUS_INVALID_PARAMETER);
        }
        Some(options) => options.flags,
        None => 0,
    };
    let lower = target.device().attached();
    if lower.is_null() || request.is_cancelable() {
        return refuse(request, STATUS_INVALID_DEVICE_REQUEST);
    }
    if flags & send_option::SEND_AND_FORGET != 0 {
        return forget(request, lower);
    }
    if flags & send_option::SYNCHRONOUS == 0 || flags & send_option::TIMEOUT != 0 {
        return refuse(request, STATUS_NOT_SUPPORTED);
    }
    match request.irp() {
        Some(irp) => {
            irp.call_and_wait(lower);
            1
        }
        None => 0,
    }
}

fn refuse(request: &Request, status: NTSTATUS) -> Boolean {
    if let Some(irp) = request.irp() {
        irp.set_status(status);
    }
    0
}

/// The request leaves the driver without being completed by it.
fn forget(request: &Instance<Request>, lower: *mut DEVICE_OBJECT) -> Boolean {
    let Some(irp) = request.take_irp() else { return 0 };
    request.take_from_driver();
    let queue = request.queue();
    dispose(request.header());
    destroy_children(request.header());
    irp.skip_to(lower);
    if let Some(queue) = &queue {
        queue::completed(queue, request);
    }
    delete(request.header());
    1
}
