//! The buffers of requests.

use core::ffi::c_void;
use core::ptr::null_mut;

use pagewise_lab_nt::{
    IRP_MJ_READ, IRP_MJ_WRITE, KernelMode, MDL, NTSTATUS, STATUS_BUFFER_TOO_SMALL,
    STATUS_INVALID_DEVICE_REQUEST, STATUS_SUCCESS,
};

use crate::abi::{Handle, PublicGlobals, io_type};
use crate::kernel::irp::Irp;
use crate::kernel::violation;
use crate::object::from_handle;

use super::Request;
use super::create::is_control;

const READ: u8 = IRP_MJ_READ as u8;
const WRITE: u8 = IRP_MJ_WRITE as u8;
const INTERNAL: u8 = pagewise_lab_nt::IRP_MJ_INTERNAL_DEVICE_CONTROL as u8;

/// `METHOD_*` of a control code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Buffered,
    Direct,
    Neither,
}

fn method(irp: Irp) -> Method {
    match irp.parameters()[2] & 3 {
        0 => Method::Buffered,
        3 => Method::Neither,
        _ => Method::Direct,
    }
}

/// A buffer and its bytes.
pub type Buffer = (*mut c_void, usize);

/// What a request brings: the input of a control request, the data of a write.
///
/// # Errors
/// `STATUS_BUFFER_TOO_SMALL` when there is none; `STATUS_INVALID_DEVICE_REQUEST` for a read, for
/// addresses of a user, for other kinds of requests.
pub fn input(request: &Request) -> Result<Buffer, NTSTATUS> {
    let irp = request.irp().ok_or(STATUS_INVALID_DEVICE_REQUEST)?;
    match irp.major() {
        WRITE => transfer(request, irp),
        major if is_control(major) => {
            let length = irp.parameters()[1] as u32 as usize;
            if length == 0 {
                return Err(STATUS_BUFFER_TOO_SMALL);
            }
            match method(irp) {
                Method::Neither if is_users(irp) => Err(STATUS_INVALID_DEVICE_REQUEST),
                Method::Neither => Ok((irp.parameters()[3] as *mut c_void, length)),
                Method::Buffered | Method::Direct => Ok((irp.system_buffer(), length)),
            }
        }
        _ => Err(STATUS_INVALID_DEVICE_REQUEST),
    }
}

/// Where a request wants its result: the output of a control request, the data of a read.
///
/// # Errors
/// As for [`input`].
pub fn output(request: &Request) -> Result<Buffer, NTSTATUS> {
    let irp = request.irp().ok_or(STATUS_INVALID_DEVICE_REQUEST)?;
    match irp.major() {
        READ => transfer(request, irp),
        major if is_control(major) => {
            let length = irp.parameters()[0] as u32 as usize;
            if length == 0 {
                return Err(STATUS_BUFFER_TOO_SMALL);
            }
            match method(irp) {
                Method::Buffered => Ok((irp.system_buffer(), length)),
                Method::Direct => mapped(irp, length),
                Method::Neither if is_users(irp) => Err(STATUS_INVALID_DEVICE_REQUEST),
                Method::Neither => Ok((irp.user_buffer(), length)),
            }
        }
        _ => Err(STATUS_INVALID_DEVICE_REQUEST),
    }
}

/// Addresses of a user mean nothing in another thread; of the kernel's own requests they are good.
fn is_users(irp: Irp) -> bool {
    i32::from(irp.requestor_mode()) != KernelMode as i32 && irp.major() != INTERNAL
}

fn transfer(request: &Request, irp: Irp) -> Result<Buffer, NTSTATUS> {
    let length = irp.parameters()[0] as u32 as usize;
    if length == 0 {
        return Err(STATUS_BUFFER_TOO_SMALL);
    }
    match request.device().io_type {
        io_type::DIRECT => mapped(irp, length),
        io_type::BUFFERED => Ok((irp.system_buffer(), length)),
        _ => Err(STATUS_INVALID_DEVICE_REQUEST),
    }
}

/// MDL_MAPPED_TO_SYSTEM_VA and MDL_SOURCE_IS_NONPAGED_POOL: the MDL knows a system address.
const MAPPED: i16 = 0x1 | 0x4;

/// The system address of a request's MDL. One that is not mapped would have to be mapped now,
/// which no request of the hosts this runs on needs.
fn mapped(irp: Irp, length: usize) -> Result<Buffer, NTSTATUS> {
    // SAFETY: null, or the MDL of an IRP that this driver has.
    let mdl = unsafe { irp.mdl().as_ref() }.ok_or(STATUS_BUFFER_TOO_SMALL)?;
    if mdl.MdlFlags & MAPPED == 0 {
        return Err(STATUS_INVALID_DEVICE_REQUEST);
    }
    Ok((mdl.MappedSystemVa, length))
}

/// Writes a buffer, if it is long enough.
///
/// # Safety
/// `out` and `length` are null or the client's.
unsafe fn give(
    found: Result<Buffer, NTSTATUS>,
    required: usize,
    out: *mut *mut c_void,
    length: *mut usize,
) -> NTSTATUS {
    if out.is_null() {
        violation::null_parameter();
    }
    let (found, status) = match found {
        Ok((_, bytes)) if bytes < required => ((null_mut(), 0), STATUS_BUFFER_TOO_SMALL),
        Ok(found) => (found, STATUS_SUCCESS),
        Err(status) => ((null_mut(), 0), status),
    };
    // SAFETY: not null; the caller vouches for it.
    unsafe { out.write(found.0) };
    if !length.is_null() {
        // SAFETY: not null; the caller vouches for it.
        unsafe { length.write(found.1) };
    }
    status
}

/// `WdfRequestRetrieveInputBuffer`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_retrieve_input_buffer(
    _: *mut PublicGlobals,
    request: Handle,
    required: usize,
    buffer: *mut *mut c_void,
    length: *mut usize,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let found = input(unsafe { from_handle::<Request>(request) });
    // SAFETY: the client vouches for its pointers.
    unsafe { give(found, required, buffer, length) }
}

/// `WdfRequestRetrieveOutputBuffer`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_retrieve_output_buffer(
    _: *mut PublicGlobals,
    request: Handle,
    required: usize,
    buffer: *mut *mut c_void,
    length: *mut usize,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let found = output(unsafe { from_handle::<Request>(request) });
    // SAFETY: the client vouches for its pointers.
    unsafe { give(found, required, buffer, length) }
}

/// `WdfRequestRetrieveUnsafeUserInputBuffer` and `...OutputBuffer`: only in the context of the
/// caller, and for METHOD_NEITHER or neither I/O, do these have an answer.
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn request_retrieve_unsafe_user_input_buffer(
    _: *mut PublicGlobals,
    request: Handle,
    required: usize,
    buffer: *mut *mut c_void,
    length: *mut usize,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let request = unsafe { from_handle::<Request>(request) };
    let found = unsafe_buffer(request, |irp| match irp.major() {
        WRITE => Some((irp.user_buffer(), irp.parameters()[0])),
        major if is_control(major) => {
            Some((irp.parameters()[3] as *mut c_void, irp.parameters()[1]))
        }
        _ => None,
    });
    // SAFETY: the client vouches for its pointers.
    unsafe { give(found, required, buffer, length) }
}

/// See [`request_retrieve_unsafe_user_input_buffer`].
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn request_retrieve_unsafe_user_output_buffer(
    _: *mut PublicGlobals,
    request: Handle,
    required: usize,
    buffer: *mut *mut c_void,
    length: *mut usize,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let request = unsafe { from_handle::<Request>(request) };
    let found = unsafe_buffer(request, |irp| match irp.major() {
        READ => Some((irp.user_buffer(), irp.parameters()[0])),
        major if is_control(major) => Some((irp.user_buffer(), irp.parameters()[0])),
        _ => None,
    });
    // SAFETY: the client vouches for its pointers.
    unsafe { give(found, required, buffer, length) }
}

fn unsafe_buffer(
    request: &Request,
    of: impl Fn(Irp) -> Option<Buffer>,
) -> Result<Buffer, NTSTATUS> {
    let irp = request.irp().ok_or(STATUS_INVALID_DEVICE_REQUEST)?;
    let neither = if is_control(irp.major()) {
        method(irp) == Method::Neither
    } else {
        request.device().io_type == io_type::NEITHER
    };
    // Once it was in a queue, the thread is anybody's.
    let in_caller_context = request.queue().is_none() && request.is_with_driver();
    if !neither || !in_caller_context {
        return Err(STATUS_INVALID_DEVICE_REQUEST);
    }
    let (buffer, length) = of(irp).ok_or(STATUS_INVALID_DEVICE_REQUEST)?;
    let length = length as u32 as usize;
    if length == 0 || buffer.is_null() {
        return Err(STATUS_BUFFER_TOO_SMALL);
    }
    Ok((buffer, length))
}

/// `WdfRequestRetrieveInputWdmMdl` and `WdfRequestRetrieveOutputWdmMdl`: of direct I/O, the IRP's
/// own MDL; buffered requests have none until somebody makes one.
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_retrieve_wdm_mdl(
    _: *mut PublicGlobals,
    request: Handle,
    mdl: *mut *mut MDL,
) -> NTSTATUS {
    if mdl.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the client vouches for its handle.
    let request = unsafe { from_handle::<Request>(request) };
    let found = request.irp().map_or(null_mut(), Irp::mdl);
    // SAFETY: not null; the client vouches for it.
    unsafe { mdl.write(found) };
    if found.is_null() { STATUS_INVALID_DEVICE_REQUEST } else { STATUS_SUCCESS }
}
