//! Writing values.

use core::ffi::c_void;

use pagewise_lab_nt::{NTSTATUS, UNICODE_STRING, ZwSetValueKey};

use crate::abi::{Handle, PublicGlobals};
use crate::kernel::violation;
use crate::object::from_handle;
use crate::string::WdfString;

use super::key::Key;

/// `REG_SZ`
const REG_SZ: u32 = 1;
/// `REG_DWORD`
const REG_DWORD: u32 = 4;

/// # Safety
/// `key` is a key of the client, `name` null or a string of it, `data` memory of `bytes` bytes.
unsafe fn set(
    key: Handle,
    name: *const UNICODE_STRING,
    kind: u32,
    data: *const c_void,
    bytes: u32,
) -> NTSTATUS {
    if name.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the caller vouches for the handle.
    let handle = unsafe { from_handle::<Key>(key) }.handle();
    // SAFETY: the caller vouches for name and data, which are only read.
    unsafe { ZwSetValueKey(handle, name.cast_mut(), 0, kind, data.cast_mut(), bytes) }
}

/// `WdfRegistryAssignValue`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn registry_assign_value(
    _: *mut PublicGlobals,
    key: Handle,
    name: *const UNICODE_STRING,
    kind: u32,
    length: u32,
    value: *const c_void,
) -> NTSTATUS {
    if value.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the client vouches for its parameters.
    unsafe { set(key, name, kind, value, length) }
}

/// `WdfRegistryAssignULong`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn registry_assign_ulong(
    _: *mut PublicGlobals,
    key: Handle,
    name: *const UNICODE_STRING,
    value: u32,
) -> NTSTATUS {
    // SAFETY: the client vouches for its parameters.
    unsafe { set(key, name, REG_DWORD, (&raw const value).cast(), 4) }
}

/// Writes a string with its terminator.
///
/// # Safety
/// As for [`set`]; the string's buffer may lack the terminator.
unsafe fn set_string(key: Handle, name: *const UNICODE_STRING, text: &[u16]) -> NTSTATUS {
    match crate::kernel::string::PoolString::new(text) {
        Some(copy) => {
            let bytes = u32::from(copy.unicode().MaximumLength);
            // SAFETY: the caller vouches for key and name; the copy is terminated.
            unsafe { set(key, name, REG_SZ, copy.as_ptr().cast(), bytes) }
        }
        None => pagewise_lab_nt::STATUS_INSUFFICIENT_RESOURCES,
    }
}

/// `WdfRegistryAssignUnicodeString`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn registry_assign_unicode_string(
    _: *mut PublicGlobals,
    key: Handle,
    name: *const UNICODE_STRING,
    value: *const UNICODE_STRING,
) -> NTSTATUS {
    // SAFETY: the client vouches for its string.
    let Some(value) = (unsafe { value.as_ref() }) else { violation::null_parameter() };
    // SAFETY: as above.
    let text = unsafe { pagewise_lab_nt::units(value) };
    // SAFETY: the client vouches for its parameters.
    unsafe { set_string(key, name, text) }
}

/// `WdfRegistryAssignString`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn registry_assign_string(
    _: *mut PublicGlobals,
    key: Handle,
    name: *const UNICODE_STRING,
    string: Handle,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let view = unsafe { from_handle::<WdfString>(string) }.view();
    // SAFETY: the string object's own text, which the client does not replace meanwhile.
    let text = unsafe { pagewise_lab_nt::units(&view) };
    // SAFETY: the client vouches for its parameters.
    unsafe { set_string(key, name, text) }
}
