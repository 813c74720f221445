//! How a host starts this image: as an export driver by `DllInitialize`, or as a driver by
//! `DriverEntry`, or not at all. All the work is done when a client binds.

use pagewise_lab_nt::{DRIVER_OBJECT, DbgPrint, NTSTATUS, STATUS_SUCCESS, UNICODE_STRING};

use crate::kernel::irql;

/// Entry point of the image.
///
/// # Safety
/// Called by the kernel.
///
/// # IRQL
/// PASSIVE_LEVEL.
#[unsafe(no_mangle)]
pub unsafe extern "win64" fn DriverEntry(
    _driver_object: *mut DRIVER_OBJECT,
    _registry_path: *mut UNICODE_STRING,
) -> NTSTATUS {
    irql::find();
    STATUS_SUCCESS
}

/// Called when the first importer is loaded
/// (learn.microsoft.com/windows-hardware/drivers/kernel/creating-export-drivers).
///
/// # Safety
/// Called by the kernel.
///
/// # IRQL
/// PASSIVE_LEVEL.
#[unsafe(no_mangle)]
pub unsafe extern "win64" fn DllInitialize(_registry_path: *mut UNICODE_STRING) -> NTSTATUS {
    irql::find();
    // SAFETY: a constant format without arguments.
    unsafe { DbgPrint(c"wdfldr: an open subset of KMDF 1.31\n".as_ptr()) };
    STATUS_SUCCESS
}

/// Called when the last importer is gone. Nothing is held between clients.
///
/// # Safety
/// Called by the kernel.
///
/// # IRQL
/// PASSIVE_LEVEL.
#[unsafe(no_mangle)]
pub unsafe extern "win64" fn DllUnload() -> NTSTATUS {
    STATUS_SUCCESS
}
