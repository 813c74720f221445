//! Opening and closing keys.

use core::ptr::null_mut;

use pagewise_lab_nt::{
    HANDLE, IoOpenDeviceRegistryKey, KEY_READ, NT_SUCCESS, NTSTATUS, STATUS_INSUFFICIENT_RESOURCES,
    STATUS_INVALID_DEVICE_REQUEST, STATUS_SUCCESS, UNICODE_STRING, ZwClose, ZwCreateKey, ZwOpenKey,
};

use crate::abi::{Handle, ObjectAttributes, PublicGlobals};
use crate::device::Device;
use crate::driver::Driver;
use crate::globals::Globals;
use crate::kernel::violation;
use crate::object::{Allowed, Header, attributes, create_under, delete, from_handle, to_handle};

use super::key::{Key, object_attributes};

/// Makes a key object of what `open` opens, and writes its handle.
///
/// # Safety
/// The attributes and `out` are the client's.
unsafe fn make(
    globals: &Globals,
    key_attributes: *const ObjectAttributes,
    default_parent: &Header,
    out: *mut Handle,
    open: impl FnOnce(*mut HANDLE) -> NTSTATUS,
) -> NTSTATUS {
    if out.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the caller vouches for the attributes.
    let attributes = match unsafe { attributes(key_attributes, Allowed::PARENT) } {
        Ok(attributes) => attributes,
        Err(status) => return status,
    };
    let parent = match attributes {
        // SAFETY: a parent that the attributes name is the client's.
        Some(a) if !a.parent.is_null() => unsafe { crate::object::header_from_handle(a.parent) },
        _ => default_parent,
    };
    let mut handle = null_mut();
    let status = open(&raw mut handle);
    if !NT_SUCCESS(status) {
        return status;
    }
    // SAFETY: validated above. If it fails, the body closes the handle.
    match unsafe { create_under(globals, attributes, parent, Key::new(handle)) } {
        Ok(made) => {
            // SAFETY: not null; the caller vouches for it.
            unsafe { out.write(to_handle(made)) };
            STATUS_SUCCESS
        }
        Err(status) => status,
    }
}

/// Opens a name below a key.
///
/// # Safety
/// `name` points to a string that stays as it is through the call.
unsafe fn open(
    root: HANDLE,
    name: *const UNICODE_STRING,
    access: u32,
    handle: *mut HANDLE,
) -> NTSTATUS {
    let mut attributes = object_attributes(root, name.cast_mut());
    // SAFETY: attributes that live through the call, of the caller's string.
    unsafe { ZwOpenKey(handle, access, &raw mut attributes) }
}

/// The handle of an optional parent key.
///
/// # Safety
/// `key` is null or a key of the client.
unsafe fn root_of(key: Handle) -> HANDLE {
    if key.is_null() {
        return null_mut();
    }
    // SAFETY: the caller vouches for the handle.
    unsafe { from_handle::<Key>(key) }.handle()
}

/// `WdfRegistryOpenKey`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn registry_open_key(
    globals: *mut PublicGlobals,
    parent: Handle,
    name: *const UNICODE_STRING,
    access: u32,
    key_attributes: *const ObjectAttributes,
    key: *mut Handle,
) -> NTSTATUS {
    if name.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the client passes its own globals.
    let globals = unsafe { Globals::of(globals) };
    // SAFETY: the client vouches for its handle.
    let root = unsafe { root_of(parent) };
    // SAFETY: the client vouches for its string.
    let open = |handle| unsafe { open(root, name, access, handle) };
    // SAFETY: the client vouches for its parameters.
    unsafe { make(globals, key_attributes, globals.driver_header(), key, open) }
}

/// `WdfRegistryCreateKey`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn registry_create_key(
    globals: *mut PublicGlobals,
    parent: Handle,
    name: *const UNICODE_STRING,
    access: u32,
    options: u32,
    disposition: *mut u32,
    key_attributes: *const ObjectAttributes,
    key: *mut Handle,
) -> NTSTATUS {
    if name.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the client passes its own globals.
    let globals = unsafe { Globals::of(globals) };
    // SAFETY: the client vouches for its handle.
    let mut attributes = object_attributes(unsafe { root_of(parent) }, name.cast_mut());
    let create = |handle| {
        let attributes = &raw mut attributes;
        // SAFETY: attributes that live through the call, of the client's string.
        unsafe { ZwCreateKey(handle, access, attributes, 0, null_mut(), options, disposition) }
    };
    // SAFETY: the client vouches for its parameters.
    unsafe { make(globals, key_attributes, globals.driver_header(), key, create) }
}

/// `WdfDriverOpenParametersRegistryKey`: the subkey `Parameters` of the service, made if it is not
/// there and the access allows that.
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn driver_open_parameters_registry_key(
    globals: *mut PublicGlobals,
    driver: Handle,
    access: u32,
    key_attributes: *const ObjectAttributes,
    key: *mut Handle,
) -> NTSTATUS {
    // SAFETY: the client passes its own globals.
    let globals = unsafe { Globals::of(globals) };
    // SAFETY: the client vouches for its handle.
    let driver = unsafe { from_handle::<Driver>(driver) };
    // SAFETY: the client vouches for its parameters.
    unsafe {
        make(globals, key_attributes, driver.header(), key, |handle| {
            open_parameters(driver, access, handle)
        })
    }
}

fn open_parameters(driver: &Driver, access: u32, handle: *mut HANDLE) -> NTSTATUS {
    const NAME: [u16; 10] = pagewise_lab_nt::utf16(b"Parameters");
    let path = driver.registry_path().unicode();
    let mut service = null_mut();
    // SAFETY: the driver's own path, which lives through the call.
    let status = unsafe { open(null_mut(), &raw const path, KEY_READ, &raw mut service) };
    if !NT_SUCCESS(status) {
        return status;
    }
    let status = match pagewise_lab_nt::unicode_string(&NAME) {
        // SAFETY: the constant, which is only read.
        Some(name) => unsafe { open(service, &raw const name, access, handle) },
        None => STATUS_INSUFFICIENT_RESOURCES,
    };
    // SAFETY: opened above.
    unsafe { ZwClose(service) };
    status
}

/// `WdfDeviceOpenRegistryKey`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn device_open_registry_key(
    _: *mut PublicGlobals,
    device: Handle,
    kind: u32,
    access: u32,
    key_attributes: *const ObjectAttributes,
    key: *mut Handle,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let device = unsafe { from_handle::<Device>(device) };
    if device.is_control() {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    let open = |handle| {
        // SAFETY: PnP's physical device, and room for a handle.
        unsafe { IoOpenDeviceRegistryKey(device.physical, kind, access, handle) }
    };
    // SAFETY: the client vouches for its parameters.
    unsafe { make(device.globals(), key_attributes, device.header(), key, open) }
}

/// `WdfRegistryClose`
///
/// # Safety
/// `key` is a key of the client, which has it no longer afterwards.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn registry_close(_: *mut PublicGlobals, key: Handle) {
    // SAFETY: the client vouches for its handle.
    delete(unsafe { from_handle::<Key>(key) }.header());
}

/// `WdfRegistryWdmGetHandle`
///
/// # Safety
/// `key` is a key of the client.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn registry_wdm_get_handle(_: *mut PublicGlobals, key: Handle) -> HANDLE {
    // SAFETY: the client vouches for its handle.
    unsafe { from_handle::<Key>(key) }.handle()
}
