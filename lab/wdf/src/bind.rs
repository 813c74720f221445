//! What the stub that is linked into every client calls (fxldr.h).

use core::ffi::c_void;
use core::ptr::NonNull;

use pagewise_lab_nt::{
    DRIVER_OBJECT, NTSTATUS, STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_PARAMETER,
    STATUS_NOT_SUPPORTED, STATUS_REVISION_MISMATCH, STATUS_SUCCESS, STATUS_UNSUCCESSFUL,
    UNICODE_STRING,
};

use crate::abi::{BindInfo, FUNCTIONS_1_13, PublicGlobals};
use crate::dpc;
use crate::driver;
use crate::globals::Globals;
use crate::kernel::irql;
use crate::table;

/// The minor version of the framework that this follows.
pub const MINOR_VERSION: u32 = 31;

/// `KmdfLibrary`
const COMPONENT: [u16; 11] = pagewise_lab_nt::utf16(b"KmdfLibrary");

/// Functions that each released version had.
const RELEASED: [u32; 13] = [383, 386, 387, 396, 432, 438, 444, 446, 448, 451, 453, 454, 458];

/// Binds a client: gives it its globals and the function table.
///
/// Everything that the framework needs of the host is found here, since a host may call neither
/// this image's `DriverEntry` nor its `DllInitialize`.
///
/// # Errors
/// `STATUS_INVALID_PARAMETER` for another library, a null pointer or a table of a size that no
/// version had; `STATUS_REVISION_MISMATCH` for a newer client;
/// `STATUS_INSUFFICIENT_RESOURCES`.
///
/// # Safety
/// Called by the client's stub, with its own bind information, in `DriverEntry`.
///
/// # IRQL
/// PASSIVE_LEVEL.
#[unsafe(no_mangle)]
pub unsafe extern "win64" fn WdfVersionBind(
    driver_object: *mut DRIVER_OBJECT,
    _registry_path: *mut UNICODE_STRING,
    bind_info: *mut BindInfo,
    globals: *mut *mut PublicGlobals,
) -> NTSTATUS {
    irql::find();
    dpc::find();
    let (Some(driver_object), Some(info)) = (NonNull::new(driver_object), NonNull::new(bind_info))
    else {
        return STATUS_INVALID_PARAMETER;
    };
    // SAFETY: the client's own bind information, at PASSIVE_LEVEL.
    let client = unsafe { info.as_ref() };
    // SAFETY: as above.
    if globals.is_null() || client.function_table.is_null() || !unsafe { names_this(client) } {
        return STATUS_INVALID_PARAMETER;
    }
    if client.version.major != 1 || client.version.minor > MINOR_VERSION {
        return STATUS_REVISION_MISMATCH;
    }
    if !RELEASED.contains(&client.function_count) {
        return STATUS_INVALID_PARAMETER;
    }
    let Some(allocated) = Globals::allocate(driver_object, info) else {
        return STATUS_INSUFFICIENT_RESOURCES;
    };
    let table = table::address();
    if client.function_count <= FUNCTIONS_1_13 {
        // Up to 1.13 a client keeps a copy of the table.
        let count = client.function_count as usize;
        // SAFETY: the client's table has room for as many functions as it says.
        unsafe { client.function_table.copy_from_nonoverlapping(table, count) };
    } else {
        // SAFETY: later ones have a variable for the table's address.
        unsafe { client.function_table.write(table.cast()) };
    }
    // SAFETY: just allocated; the public part comes first.
    let public = unsafe { allocated.as_ref() }.public();
    // SAFETY: not null, checked above; the client's variable.
    unsafe { globals.write(public) };
    STATUS_SUCCESS
}

/// Whether the client wants this library.
///
/// # Safety
/// The component's name is null or NUL-terminated.
unsafe fn names_this(client: &BindInfo) -> bool {
    if client.component.is_null() || (client.size as usize) < size_of::<BindInfo>() {
        return false;
    }
    let expected = COMPONENT.iter().copied().chain([0]);
    for (index, unit) in expected.enumerate() {
        // SAFETY: every unit before this one was equal and not NUL, so the string goes on.
        if unsafe { client.component.wrapping_add(index).read() } != unit {
            return false;
        }
    }
    true
}

/// Unbinds a client: deletes what is left of its objects and frees its globals.
///
/// # Errors
/// `STATUS_UNSUCCESSFUL` for null pointers.
///
/// # Safety
/// Called by the client's stub at unload, with what it was bound with.
///
/// # IRQL
/// PASSIVE_LEVEL.
#[unsafe(no_mangle)]
pub unsafe extern "win64" fn WdfVersionUnbind(
    _registry_path: *mut UNICODE_STRING,
    bind_info: *mut BindInfo,
    globals: *mut PublicGlobals,
) -> NTSTATUS {
    let Some(owned) = NonNull::new(globals.cast::<Globals>()) else { return STATUS_UNSUCCESSFUL };
    if bind_info.is_null() {
        return STATUS_UNSUCCESSFUL;
    }
    // SAFETY: the client's globals, which it still has.
    driver::destroy(unsafe { owned.as_ref() });
    // SAFETY: allocated when the client was bound; its objects are gone.
    unsafe { Globals::free(owned) };
    STATUS_SUCCESS
}

/// Class extensions are not provided.
///
/// # Errors
/// `STATUS_NOT_SUPPORTED`, always.
///
/// # Safety
/// None; the signature is the stub's.
///
/// # IRQL
/// PASSIVE_LEVEL.
#[unsafe(no_mangle)]
pub unsafe extern "win64" fn WdfVersionBindClass(
    _bind_info: *mut BindInfo,
    _globals: *mut *mut c_void,
    _class_bind_info: *mut c_void,
) -> NTSTATUS {
    STATUS_NOT_SUPPORTED
}

/// See [`WdfVersionBindClass`]: nothing was bound.
///
/// # Safety
/// None; the signature is the stub's.
///
/// # IRQL
/// PASSIVE_LEVEL.
#[unsafe(no_mangle)]
pub unsafe extern "win64" fn WdfVersionUnbindClass(
    _bind_info: *mut BindInfo,
    _globals: *mut c_void,
    _class_bind_info: *mut c_void,
) {
}
