//! Functions of queues: requests
//! (learn.microsoft.com/windows-hardware/drivers/ddi/wdfio).

use pagewise_lab_nt::{FILE_OBJECT, NTSTATUS, STATUS_SUCCESS};

use crate::abi::{Handle, PublicGlobals, RequestParameters};
use crate::file::File;
use crate::kernel::violation;
use crate::object::{Instance, Ref, from_handle, to_handle};
use crate::request::{Request, fill_parameters};

use super::body::Queue;
use super::ownership::{find, retrieve, retrieve_found};

/// Writes what was found, or null.
///
/// # Safety
/// `out` is null or the client's.
unsafe fn give(out: *mut Handle, found: Result<&Instance<Request>, NTSTATUS>) -> NTSTATUS {
    if out.is_null() {
        violation::null_parameter();
    }
    let (handle, status) = match found {
        Ok(request) => (to_handle(request), STATUS_SUCCESS),
        Err(status) => (Handle::NULL, status),
    };
    // SAFETY: not null; the caller vouches for it.
    unsafe { out.write(handle) };
    status
}

/// The open of a file object's handle, if there is one.
///
/// # Safety
/// `file` is null or a live file object of the client.
unsafe fn open_of(file: Handle) -> Option<*mut FILE_OBJECT> {
    // SAFETY: the caller vouches for the handle.
    (!file.is_null()).then(|| unsafe { from_handle::<File>(file) }.object())
}

/// `WdfIoQueueRetrieveNextRequest`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn io_queue_retrieve_next_request(
    _: *mut PublicGlobals,
    queue: Handle,
    request: *mut Handle,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let queue = unsafe { from_handle::<Queue>(queue) };
    // SAFETY: the client vouches for its pointer.
    unsafe { give(request, retrieve(queue, None)) }
}

/// `WdfIoQueueRetrieveRequestByFileObject`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn io_queue_retrieve_request_by_file_object(
    _: *mut PublicGlobals,
    queue: Handle,
    file: Handle,
    request: *mut Handle,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let queue = unsafe { from_handle::<Queue>(queue) };
    // SAFETY: as above.
    let file = unsafe { open_of(file) };
    // SAFETY: the client vouches for its pointer.
    unsafe { give(request, retrieve(queue, file)) }
}

/// `WdfIoQueueFindRequest`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn io_queue_find_request(
    _: *mut PublicGlobals,
    queue: Handle,
    found: Handle,
    file: Handle,
    parameters: *mut RequestParameters,
    request: *mut Handle,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let queue = unsafe { from_handle::<Queue>(queue) };
    // SAFETY: as above; the client holds a reference to what it found.
    let found = (!found.is_null()).then(|| unsafe { from_handle::<Request>(found) });
    // SAFETY: as above.
    let file = unsafe { open_of(file) };
    match find(queue, found, file) {
        Ok(next) => {
            // SAFETY: the client vouches for its pointer.
            if let Some(parameters) = unsafe { parameters.as_mut() } {
                fill_parameters(&next, parameters);
            }
            // SAFETY: the client vouches for its pointer.
            let status = unsafe { give(request, Ok(&next)) };
            // The driver drops this reference.
            Ref::into_raw(next);
            status
        }
        // SAFETY: the client vouches for its pointer.
        Err(status) => unsafe { give(request, Err(status)) },
    }
}

/// `WdfIoQueueRetrieveFoundRequest`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn io_queue_retrieve_found_request(
    _: *mut PublicGlobals,
    queue: Handle,
    found: Handle,
    request: *mut Handle,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let queue = unsafe { from_handle::<Queue>(queue) };
    // SAFETY: as above; the client holds a reference to what it found.
    let found = unsafe { from_handle::<Request>(found) };
    // SAFETY: the client vouches for its pointer.
    unsafe { give(request, retrieve_found(queue, found)) }
}
