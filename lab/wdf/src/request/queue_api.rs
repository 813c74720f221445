//! Functions of requests that concern their queue
//! (learn.microsoft.com/windows-hardware/drivers/ddi/wdfrequest).

use pagewise_lab_nt::NTSTATUS;

use crate::abi::{Boolean, EvtRequestCancel, Handle, PublicGlobals};
use crate::kernel::violation;
use crate::object::{from_handle, to_handle};
use crate::queue::{self, Queue};

use super::Request;

/// `WdfRequestGetIoQueue`
///
/// # Safety
/// The client has the request.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_get_io_queue(
    _: *mut PublicGlobals,
    request: Handle,
) -> Handle {
    // SAFETY: the client vouches for its handle.
    let queue = unsafe { from_handle::<Request>(request) }.queue();
    queue.map_or(Handle::NULL, |queue| to_handle(&queue))
}

/// `WdfRequestForwardToIoQueue`
///
/// # Safety
/// The client has the request; the queue is its own.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_forward_to_io_queue(
    _: *mut PublicGlobals,
    request: Handle,
    to: Handle,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let request = unsafe { from_handle::<Request>(request) };
    // SAFETY: as above.
    queue::forward(request, unsafe { from_handle::<Queue>(to) })
}

/// `WdfRequestRequeue`
///
/// # Safety
/// The client has the request.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_requeue(_: *mut PublicGlobals, request: Handle) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    queue::requeue(unsafe { from_handle::<Request>(request) })
}

/// `WdfRequestStopAcknowledge`
///
/// # Safety
/// The client has the request.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_stop_acknowledge(
    _: *mut PublicGlobals,
    request: Handle,
    requeue: Boolean,
) {
    // SAFETY: the client vouches for its handle.
    queue::stop_acknowledge(unsafe { from_handle::<Request>(request) }, requeue != 0);
}

/// `WdfRequestMarkCancelable`: of a request that is cancelled already, the callback is called.
///
/// # Safety
/// The client has the request.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_mark_cancelable(
    _: *mut PublicGlobals,
    request: Handle,
    callback: Option<EvtRequestCancel>,
) {
    let Some(callback) = callback else { violation::null_parameter() };
    // SAFETY: the client vouches for its handle.
    queue::mark_cancelable(unsafe { from_handle::<Request>(request) }, callback, true);
}

/// `WdfRequestMarkCancelableEx`: a request that is cancelled already is refused.
///
/// # Safety
/// The client has the request.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_mark_cancelable_ex(
    _: *mut PublicGlobals,
    request: Handle,
    callback: Option<EvtRequestCancel>,
) -> NTSTATUS {
    let Some(callback) = callback else { violation::null_parameter() };
    // SAFETY: the client vouches for its handle.
    queue::mark_cancelable(unsafe { from_handle::<Request>(request) }, callback, false)
}

/// `WdfRequestUnmarkCancelable`
///
/// # Safety
/// The client has the request, unless its cancel callback completed it meanwhile: then it holds a
/// reference.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn request_unmark_cancelable(
    _: *mut PublicGlobals,
    request: Handle,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    queue::unmark_cancelable(unsafe { from_handle::<Request>(request) })
}
