//! Completing requests.

use core::sync::atomic::Ordering;

use pagewise_lab_nt::{
    IRP_MJ_CREATE, NTSTATUS, STATUS_DEVICE_BUSY, STATUS_INSUFFICIENT_RESOURCES,
    STATUS_INTERNAL_ERROR, STATUS_INVALID_DEVICE_REQUEST,
};

use crate::abi::{
    Handle, PublicGlobals, STATUS_WDF_BUSY, STATUS_WDF_INTERNAL_ERROR,
    STATUS_WDF_NOT_ENOUGH_MAP_REGISTERS, STATUS_WDF_PAUSED,
};
use crate::file;
use crate::kernel::irp::Irp;
use crate::kernel::violation::{self, Code};
use crate::object::{Instance, delete, destroy_children, dispose, from_handle, to_handle};
use crate::queue;

use super::Request;

const CREATE: u8 = IRP_MJ_CREATE as u8;

/// `WDF_REQUEST_FATAL_ERROR_NULL_IRP`: completed twice.
const NULL_IRP: usize = 2;

/// Completes a request that the driver has: its children and contexts are cleaned up, the IRP is
/// completed, and its queue goes on.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn complete(request: &Instance<Request>, status: NTSTATUS) {
    request.take_from_driver();
    let Some(irp) = request.take_irp() else {
        let handle = to_handle(request).0.addr();
        violation::violation(Code::RequestFatalError, NULL_IRP, handle, 0);
    };
    let queue = request.queue();
    finish(request, irp, status);
    if let Some(queue) = &queue {
        queue::completed(queue, request);
    }
    delete(request.header());
}

/// Ends a request that the driver does not have, and perhaps never saw: of one that it never saw
/// it hears nothing.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn end_without_driver(request: &Instance<Request>, status: NTSTATUS) {
    let Some(irp) = request.take_irp() else { return };
    irp.set_information(0);
    if !request.was_presented() {
        crate::object::forget_callbacks(request.header());
    }
    finish(request, irp, status);
    delete(request.header());
}

fn finish(request: &Instance<Request>, irp: Irp, status: NTSTATUS) {
    dispose(request.header());
    destroy_children(request.header());
    let status = for_the_sender(status);
    request.status.store(status.cast_unsigned(), Ordering::Release);
    irp.set_status(status);
    if irp.major() == CREATE {
        file::create_completed(request.device(), irp.file_object(), status);
    }
    irp.complete(request.boost());
}

/// The framework's own NTSTATUS values mean nothing to whoever sent the request.
fn for_the_sender(status: NTSTATUS) -> NTSTATUS {
    const FACILITY_MASK: u32 = 0x0fff_0000;
    const FACILITY_DRIVER_FRAMEWORK: u32 = 0x0020_0000;
    if status.cast_unsigned() & FACILITY_MASK != FACILITY_DRIVER_FRAMEWORK {
        return status;
    }
    match status {
        STATUS_WDF_PAUSED | STATUS_WDF_BUSY => STATUS_DEVICE_BUSY,
        STATUS_WDF_INTERNAL_ERROR => STATUS_INTERNAL_ERROR,
        STATUS_WDF_NOT_ENOUGH_MAP_REGISTERS => STATUS_INSUFFICIENT_RESOURCES,
        _ => STATUS_INVALID_DEVICE_REQUEST,
    }
}

/// # Safety
/// `request` is a request that the client has.
unsafe fn request_of<'a>(request: Handle) -> &'a Instance<Request> {
    // SAFETY: the caller vouches for the handle.
    unsafe { from_handle(request) }
}

/// `WdfRequestComplete`
///
/// # Safety
/// The client has the request, and has it no longer afterwards.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_complete(
    _: *mut PublicGlobals,
    request: Handle,
    status: NTSTATUS,
) {
    // SAFETY: the client vouches for its handle.
    complete(unsafe { request_of(request) }, status);
}

/// `WdfRequestCompleteWithInformation`
///
/// # Safety
/// As for [`request_complete`].
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_complete_with_information(
    _: *mut PublicGlobals,
    request: Handle,
    status: NTSTATUS,
    information: u64,
) {
    // SAFETY: the client vouches for its handle.
    let request = unsafe { request_of(request) };
    if let Some(irp) = request.irp() {
        irp.set_information(information);
    }
    complete(request, status);
}

/// `WdfRequestCompleteWithPriorityBoost`
///
/// # Safety
/// As for [`request_complete`].
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_complete_with_priority_boost(
    _: *mut PublicGlobals,
    request: Handle,
    status: NTSTATUS,
    boost: i8,
) {
    // SAFETY: the client vouches for its handle.
    let request = unsafe { request_of(request) };
    request.set_boost(boost);
    complete(request, status);
}
