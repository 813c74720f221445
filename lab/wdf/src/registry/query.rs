//! Reading values.

use core::ffi::c_void;

use pagewise_lab_nt::{
    NTSTATUS, POOL_TYPE, STATUS_BUFFER_OVERFLOW, STATUS_INSUFFICIENT_RESOURCES,
    STATUS_OBJECT_TYPE_MISMATCH, STATUS_SUCCESS, UNICODE_STRING,
};

use crate::abi::{Handle, ObjectAttributes, PublicGlobals};
use crate::kernel::string::PoolString;
use crate::kernel::violation;
use crate::memory;
use crate::object::{Allowed, attributes, from_handle, to_handle};
use crate::string::WdfString;

use super::key::{Key, Value};

/// `REG_SZ`
const REG_SZ: u32 = 1;
/// `REG_EXPAND_SZ`
const REG_EXPAND_SZ: u32 = 2;
/// `REG_DWORD`
const REG_DWORD: u32 = 4;

/// Reads a whole value.
///
/// # Safety
/// As for [`Value::query`].
unsafe fn read(key: &Key, name: *const UNICODE_STRING) -> Result<Value, NTSTATUS> {
    let mut room = 64;
    loop {
        // SAFETY: the caller vouches for the name.
        match unsafe { Value::query(key, name, room) }? {
            (value, STATUS_SUCCESS) => return Ok(value),
            (value, _) => room = value.bytes,
        }
    }
}

/// Reads a string.
///
/// # Safety
/// As for [`Value::query`].
unsafe fn read_string(key: &Key, name: *const UNICODE_STRING) -> Result<PoolString, NTSTATUS> {
    // SAFETY: the caller vouches for the name.
    let value = unsafe { read(key, name) }?;
    let data = value.data();
    if ![REG_SZ, REG_EXPAND_SZ].contains(&value.kind) || data.len() % 2 != 0 {
        return Err(STATUS_OBJECT_TYPE_MISMATCH);
    }
    // SAFETY: the data of a value is 4-aligned, and any two bytes are a unit.
    let (_, units, _) = unsafe { data.align_to::<u16>() };
    let units = units.strip_suffix(&[0]).unwrap_or(units);
    PoolString::new(units).ok_or(STATUS_INSUFFICIENT_RESOURCES)
}

/// # Safety
/// `key` is a key of the client; `name` is null or a string of it.
unsafe fn key_of<'a>(key: Handle, name: *const UNICODE_STRING) -> &'a Key {
    if name.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the caller vouches for the handle.
    unsafe { from_handle::<Key>(key) }
}

/// `WdfRegistryQueryULong`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn registry_query_ulong(
    _: *mut PublicGlobals,
    key: Handle,
    name: *const UNICODE_STRING,
    value: *mut u32,
) -> NTSTATUS {
    if value.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the client vouches for its parameters.
    let key = unsafe { key_of(key, name) };
    // SAFETY: as above.
    let (found, status) = match unsafe { Value::query(key, name, 4) } {
        Ok(found) => found,
        Err(status) => return status,
    };
    if found.kind != REG_DWORD {
        return STATUS_OBJECT_TYPE_MISMATCH;
    }
    if let Some(&bytes) = found.data().first_chunk() {
        // SAFETY: not null; the client vouches for it.
        unsafe { value.write(u32::from_le_bytes(bytes)) };
    }
    status
}

/// `WdfRegistryQueryValue`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn registry_query_value(
    _: *mut PublicGlobals,
    key: Handle,
    name: *const UNICODE_STRING,
    room: u32,
    value: *mut c_void,
    length: *mut u32,
    kind: *mut u32,
) -> NTSTATUS {
    // SAFETY: the client vouches for its parameters.
    let key = unsafe { key_of(key, name) };
    let room = if value.is_null() { 0 } else { room };
    // SAFETY: as above.
    let (found, status) = match unsafe { Value::query(key, name, room) } {
        Ok(found) => found,
        Err(status) => return status,
    };
    let data = found.data();
    if !value.is_null() {
        // SAFETY: the client's buffer has this room, and the data is no longer.
        unsafe { value.cast::<u8>().copy_from_nonoverlapping(data.as_ptr(), data.len()) };
    }
    if !length.is_null() {
        // SAFETY: not null; the client vouches for it.
        unsafe { length.write(found.bytes) };
    }
    if !kind.is_null() {
        // SAFETY: not null; the client vouches for it.
        unsafe { kind.write(found.kind) };
    }
    status
}

/// `WdfRegistryQueryString`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn registry_query_string(
    _: *mut PublicGlobals,
    key: Handle,
    name: *const UNICODE_STRING,
    string: Handle,
) -> NTSTATUS {
    // SAFETY: the client vouches for its parameters.
    let key = unsafe { key_of(key, name) };
    // SAFETY: as above.
    let string = unsafe { from_handle::<WdfString>(string) };
    // SAFETY: as above.
    match unsafe { read_string(key, name) } {
        Ok(text) => {
            string.assign(text);
            STATUS_SUCCESS
        }
        Err(status) => status,
    }
}

/// `WdfRegistryQueryUnicodeString`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn registry_query_unicode_string(
    _: *mut PublicGlobals,
    key: Handle,
    name: *const UNICODE_STRING,
    length: *mut u16,
    string: *mut UNICODE_STRING,
) -> NTSTATUS {
    // SAFETY: the client vouches for its parameters.
    let key = unsafe { key_of(key, name) };
    // SAFETY: as above.
    let text = match unsafe { read_string(key, name) } {
        Ok(text) => text,
        Err(status) => return status,
    };
    // With its terminator, as the registry has it.
    let bytes = text.unicode().MaximumLength;
    if !length.is_null() {
        // SAFETY: not null; the client vouches for it.
        unsafe { length.write(bytes) };
    }
    // SAFETY: the client vouches for its string.
    let Some(string) = (unsafe { string.as_mut() }) else { return STATUS_SUCCESS };
    if string.Buffer.is_null() || string.MaximumLength < bytes {
        return STATUS_BUFFER_OVERFLOW;
    }
    let count = usize::from(bytes / 2);
    // SAFETY: the client's buffer has room, and the text is followed by its terminator.
    unsafe { string.Buffer.copy_from_nonoverlapping(text.as_ptr(), count) };
    string.Length = bytes - 2;
    STATUS_SUCCESS
}

/// `WdfRegistryQueryMemory`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn registry_query_memory(
    _: *mut PublicGlobals,
    key: Handle,
    name: *const UNICODE_STRING,
    pool: POOL_TYPE,
    memory_attributes: *const ObjectAttributes,
    memory: *mut Handle,
    kind: *mut u32,
) -> NTSTATUS {
    if memory.is_null() || name.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the client vouches for its handle.
    let key = unsafe { from_handle::<Key>(key) };
    // SAFETY: the client vouches for its parameters.
    let value = match unsafe { read(key, name) } {
        Ok(value) => value,
        Err(status) => return status,
    };
    let data = value.data();
    let globals = key.globals();
    // SAFETY: the client vouches for its attributes.
    let made = unsafe { attributes(memory_attributes, Allowed::PARENT) }.and_then(|attributes| {
        // SAFETY: validated just now.
        unsafe { memory::allocate(globals, attributes, pool, globals.tag(), data.len().max(1)) }
    });
    let made = match made {
        Ok(made) => made,
        Err(status) => return status,
    };
    // SAFETY: allocated with this many bytes, or more.
    unsafe { made.get().0.cast::<u8>().copy_from_nonoverlapping(data.as_ptr(), data.len()) };
    // SAFETY: not null; the client vouches for it.
    unsafe { memory.write(to_handle(made)) };
    if !kind.is_null() {
        // SAFETY: not null; the client vouches for it.
        unsafe { kind.write(value.kind) };
    }
    STATUS_SUCCESS
}
