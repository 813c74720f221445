//! Functions of requests
//! (learn.microsoft.com/windows-hardware/drivers/ddi/wdfrequest).

use core::sync::atomic::Ordering;

use pagewise_lab_nt::{IRP, KernelMode, NTSTATUS};

use crate::abi::{Boolean, Handle, PublicGlobals, RequestParameters};
use crate::file;
use crate::kernel::irp::Irp;
use crate::kernel::violation::{self, Code};
use crate::object::{from_handle, to_handle};

use super::Request;
use super::create::fill_parameters;

/// `WdfRequestGetParameters`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_get_parameters(
    _: *mut PublicGlobals,
    request: Handle,
    parameters: *mut RequestParameters,
) {
    // SAFETY: the client vouches for its handle.
    let request = unsafe { from_handle::<Request>(request) };
    // SAFETY: the client vouches for its pointer.
    let Some(parameters) = (unsafe { parameters.as_mut() }) else { violation::null_parameter() };
    let expected = size_of::<RequestParameters>();
    if usize::from(parameters.size) != expected {
        let size = usize::from(parameters.size);
        violation::violation(Code::VerifierFatalError, expected, size, 0);
    }
    fill_parameters(request, parameters);
}

/// `WdfRequestSetInformation`
///
/// # Safety
/// The client has the request.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_set_information(
    _: *mut PublicGlobals,
    request: Handle,
    information: u64,
) {
    // SAFETY: the client vouches for its handle.
    if let Some(irp) = unsafe { from_handle::<Request>(request) }.irp() {
        irp.set_information(information);
    }
}

/// `WdfRequestGetInformation`
///
/// # Safety
/// The client has the request.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_get_information(
    _: *mut PublicGlobals,
    request: Handle,
) -> u64 {
    // SAFETY: the client vouches for its handle.
    unsafe { from_handle::<Request>(request) }.irp().map_or(0, Irp::information)
}

/// `WdfRequestGetStatus`
///
/// # Safety
/// The client has the request, or a reference to it.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_get_status(
    _: *mut PublicGlobals,
    request: Handle,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let request = unsafe { from_handle::<Request>(request) };
    match request.irp() {
        Some(irp) => irp.status(),
        None => request.status.load(Ordering::Acquire).cast_signed(),
    }
}

/// `WdfRequestGetRequestorMode`
///
/// # Safety
/// The client has the request.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_get_requestor_mode(
    _: *mut PublicGlobals,
    request: Handle,
) -> i8 {
    // SAFETY: the client vouches for its handle.
    let irp = unsafe { from_handle::<Request>(request) }.irp();
    irp.map_or(KernelMode as i8, Irp::requestor_mode)
}

/// `WdfRequestIsFrom32BitProcess`: no host of this runs 32-bit clients.
///
/// # Safety
/// The client has the request.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_is_from_32_bit_process(
    _: *mut PublicGlobals,
    request: Handle,
) -> Boolean {
    // SAFETY: the client vouches for its handle.
    unsafe { from_handle::<Request>(request) };
    0
}

/// `WdfRequestIsReserved`: none is; forward progress is not provided.
///
/// # Safety
/// The client has the request.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_is_reserved(
    _: *mut PublicGlobals,
    request: Handle,
) -> Boolean {
    // SAFETY: the client vouches for its handle.
    unsafe { from_handle::<Request>(request) };
    0
}

/// `WdfRequestGetFileObject`
///
/// # Safety
/// The client has the request.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_get_file_object(
    _: *mut PublicGlobals,
    request: Handle,
) -> Handle {
    // SAFETY: the client vouches for its handle.
    let request = unsafe { from_handle::<Request>(request) };
    let file = request.irp().and_then(|irp| file::find(request.device(), irp.file_object()));
    file.map_or(Handle::NULL, to_handle)
}

/// `WdfRequestWdmGetIrp`
///
/// # Safety
/// The client has the request.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_wdm_get_irp(
    _: *mut PublicGlobals,
    request: Handle,
) -> *mut IRP {
    // SAFETY: the client vouches for its handle.
    let irp = unsafe { from_handle::<Request>(request) }.irp();
    irp.map_or(core::ptr::null_mut(), Irp::as_ptr)
}

/// `WdfRequestIsCanceled`
///
/// # Safety
/// The client has the request.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_is_canceled(
    _: *mut PublicGlobals,
    request: Handle,
) -> Boolean {
    // SAFETY: the client vouches for its handle.
    let request = unsafe { from_handle::<Request>(request) };
    u8::from(request.is_cancelled() || request.irp().is_some_and(Irp::is_cancelled))
}
