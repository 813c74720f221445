//! Functions of all objects
//! (learn.microsoft.com/windows-hardware/drivers/ddi/wdfobject).

use core::ffi::{c_char, c_void};

use pagewise_lab_nt::{NTSTATUS, STATUS_NOT_FOUND, STATUS_OBJECT_NAME_INVALID, STATUS_SUCCESS};

use crate::abi::{ContextTypeInfo, Handle, ObjectAttributes, PublicGlobals};
use crate::globals::Globals;
use crate::kernel::violation::{self, Code};

use super::{
    Allowed, Header, Kind, Object, attributes, context, create_under, delete, handle_of,
    header_from_handle, reference, to_handle,
};

/// An object without a kind of its own.
struct General;

// SAFETY: the one body of this kind.
unsafe impl Object for General {
    const KIND: Kind = Kind::General;
}

/// `WdfObjectCreate`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn object_create(
    globals: *mut PublicGlobals,
    object_attributes: *const ObjectAttributes,
    object: *mut Handle,
) -> NTSTATUS {
    if object.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the client passes its own globals.
    let globals = unsafe { Globals::of(globals) };
    let allowed = Allowed { level: true, scope: true, ..Allowed::PARENT };
    // SAFETY: the client vouches for its attributes.
    let made = unsafe { attributes(object_attributes, allowed) }.and_then(|attributes| {
        // SAFETY: as above.
        let parent = unsafe { parent_or_driver(globals, attributes) };
        // SAFETY: validated above.
        unsafe { create_under(globals, attributes, parent, General) }
    });
    match made {
        Ok(made) => {
            // SAFETY: not null, checked above; the client vouches for it.
            unsafe { object.write(to_handle(made)) };
            STATUS_SUCCESS
        }
        Err(status) => status,
    }
}

/// The parent that attributes name, or else the driver.
///
/// # Safety
/// A parent that the attributes name is a live object of the client.
pub unsafe fn parent_or_driver<'a>(
    globals: &'a Globals,
    attributes: Option<&ObjectAttributes>,
) -> &'a Header {
    match attributes {
        // SAFETY: the caller vouches for the parent.
        Some(attributes) if !attributes.parent.is_null() => unsafe {
            header_from_handle(attributes.parent)
        },
        _ => globals.driver_header(),
    }
}

/// `WdfObjectDelete`
///
/// # Safety
/// `object` is a live object of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL, or what the kind allows.
pub unsafe extern "win64" fn object_delete(_: *mut PublicGlobals, object: Handle) {
    // SAFETY: the client vouches for its handle.
    let header = unsafe { header_from_handle(object) };
    if !header.class().deletable && !crate::device::is_control_device(header) {
        violation::violation(Code::ObjectError, object.0.addr(), 0, 0);
    }
    if !crate::device::delete_control_device(header) {
        delete(header);
    }
}

/// `WdfObjectQuery`: no interface is offered, as by the framework without its verifier.
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn object_query(
    _: *mut PublicGlobals,
    object: Handle,
    _guid: *const c_void,
    _length: u32,
    _buffer: *mut c_void,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    unsafe { header_from_handle(object) };
    STATUS_NOT_FOUND
}

/// `WdfObjectReferenceActual`
///
/// # Safety
/// `object` is a live object of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn object_reference_actual(
    _: *mut PublicGlobals,
    object: Handle,
    _tag: *const c_void,
    _line: i32,
    _file: *const c_char,
) {
    // SAFETY: the client vouches for its handle.
    unsafe { header_from_handle(object) }.reference();
}

/// `WdfObjectDereferenceActual`
///
/// # Safety
/// `object` is an object that the client holds a reference to, and this is it.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn object_dereference_actual(
    _: *mut PublicGlobals,
    object: Handle,
    _tag: *const c_void,
    _line: i32,
    _file: *const c_char,
) {
    // SAFETY: the client vouches for its handle.
    reference::release(unsafe { header_from_handle(object) }.into());
}

/// `WdfObjectGetTypedContextWorker`
///
/// # Safety
/// `object` is a live object of the client.
///
/// # IRQL
/// Any: nothing of the client's image is read.
pub unsafe extern "win64" fn object_get_typed_context_worker(
    _: *mut PublicGlobals,
    object: Handle,
    context_type: *const ContextTypeInfo,
) -> *mut c_void {
    if object.is_null() || context_type.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the client vouches for its handle.
    context::find_context(unsafe { header_from_handle(object) }, context_type)
}

/// `WdfObjectAllocateContext`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn object_allocate_context(
    globals: *mut PublicGlobals,
    object: Handle,
    object_attributes: *const ObjectAttributes,
    memory: *mut *mut c_void,
) -> NTSTATUS {
    // SAFETY: the client passes its own globals.
    let globals = unsafe { Globals::of(globals) };
    // SAFETY: the client vouches for its handle.
    let header = unsafe { header_from_handle(object) };
    if object_attributes.is_null() {
        return crate::abi::STATUS_WDF_PARENT_NOT_SPECIFIED;
    }
    // Clients from 1.11 on may not name a parent; the framework asks the bind information which.
    let parent = !globals.is_version_at_least(1, 11);
    // SAFETY: the client vouches for its attributes.
    let checked =
        unsafe { attributes(object_attributes, Allowed { parent, ..Allowed::default() }) };
    let checked = match checked {
        Ok(Some(checked)) => checked,
        Ok(None) => return crate::abi::STATUS_WDF_PARENT_NOT_SPECIFIED,
        Err(status) => return status,
    };
    if checked.context_type.is_null() {
        return STATUS_OBJECT_NAME_INVALID;
    }
    // SAFETY: validated above.
    let (status, found) = match unsafe { context::allocate_context(header, checked) } {
        Ok(found) => (STATUS_SUCCESS, found),
        Err(refused) => refused,
    };
    if !memory.is_null() {
        // SAFETY: the client vouches for its pointer.
        unsafe { memory.write(found) };
    }
    status
}

/// `WdfObjectContextGetObject`
///
/// # Safety
/// `memory` is the context of a live object of the client.
///
/// # IRQL
/// Any.
pub unsafe extern "win64" fn object_context_get_object(
    _: *mut PublicGlobals,
    memory: *mut c_void,
) -> Handle {
    // SAFETY: the client vouches for the context.
    unsafe { context::object_of_context(memory) }
}

/// `WdfObjectAcquireLock`
///
/// # Safety
/// `object` is a live device or queue of the client.
///
/// # IRQL
/// PASSIVE_LEVEL for objects of that execution level, else at most DISPATCH_LEVEL.
pub unsafe extern "win64" fn object_acquire_lock(_: *mut PublicGlobals, object: Handle) {
    // SAFETY: the client vouches for its handle.
    let header = unsafe { header_from_handle(object) };
    match crate::callback::presentation_lock(header) {
        Some(lock) => lock.acquire(),
        None => violation::violation(Code::InvalidLockOperation, handle_of(header).0.addr(), 0, 0),
    }
}

/// `WdfObjectReleaseLock`
///
/// # Safety
/// The client holds the object's lock.
///
/// # IRQL
/// As it was after [`object_acquire_lock`].
pub unsafe extern "win64" fn object_release_lock(_: *mut PublicGlobals, object: Handle) {
    // SAFETY: the client vouches for its handle.
    let header = unsafe { header_from_handle(object) };
    match crate::callback::presentation_lock(header) {
        Some(lock) => lock.release(),
        None => violation::violation(Code::InvalidLockOperation, handle_of(header).0.addr(), 0, 0),
    }
}
