//! The buffers of requests as memory objects.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, Ordering};

use pagewise_lab_nt::{NTSTATUS, STATUS_SUCCESS};

use crate::abi::{Handle, PublicGlobals};
use crate::kernel::violation;
use crate::memory::Memory;
use crate::object::{Instance, create_under, from_handle, to_handle};

use super::Request;
use super::buffer::{Buffer, input, output};

/// The memory object of a buffer: made once, a child of the request.
///
/// # Safety
/// `out` is null or the client's.
unsafe fn give(
    request: &Instance<Request>,
    slot: &AtomicPtr<Instance<Memory>>,
    buffer: Result<Buffer, NTSTATUS>,
    out: *mut Handle,
) -> NTSTATUS {
    if out.is_null() {
        violation::null_parameter();
    }
    // SAFETY: not null; the caller vouches for it.
    unsafe { out.write(Handle::NULL) };
    let (address, bytes) = match buffer {
        Ok(buffer) => buffer,
        Err(status) => return status,
    };
    if slot.load(Ordering::Acquire).is_null() {
        let body = Memory::borrowed(address, bytes);
        // SAFETY: without attributes.
        let made = unsafe { create_under(request.globals(), None, request.header(), body) };
        match made {
            Ok(made) => slot.store(NonNull::from(made).as_ptr(), Ordering::Release),
            Err(status) => return status,
        }
    }
    // SAFETY: a child of the request, which lives.
    let memory = unsafe { &*slot.load(Ordering::Acquire) };
    // SAFETY: not null; the caller vouches for it.
    unsafe { out.write(to_handle(memory)) };
    STATUS_SUCCESS
}

/// `WdfRequestRetrieveInputMemory`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_retrieve_input_memory(
    _: *mut PublicGlobals,
    request: Handle,
    memory: *mut Handle,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let request = unsafe { from_handle::<Request>(request) };
    // SAFETY: the client vouches for its pointer.
    unsafe { give(request, &request.input_memory, input(request), memory) }
}

/// `WdfRequestRetrieveOutputMemory`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_retrieve_output_memory(
    _: *mut PublicGlobals,
    request: Handle,
    memory: *mut Handle,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let request = unsafe { from_handle::<Request>(request) };
    // SAFETY: the client vouches for its pointer.
    unsafe { give(request, &request.output_memory, output(request), memory) }
}
