//! The security descriptor of a device object.
//!
//! The import library that KMDF uses (wdmsec) does the same: parse the string, open the device
//! object, set its security. A host without the two routines has no security to set.

use core::ffi::c_void;
use core::ptr::null_mut;

use pagewise_lab_nt::{
    DACL_SECURITY_INFORMATION, DEVICE_OBJECT, HANDLE, KernelMode, NT_SUCCESS, NTSTATUS,
    OBJ_KERNEL_HANDLE, STATUS_INVALID_PARAMETER, STATUS_SUCCESS, WRITE_DAC, ZwClose,
};

use crate::kernel::routine::Routine;
use crate::sddl::{Descriptor, MAX_BYTES};

/// `D:P(A;;GA;;;SY)(A;;GA;;;BA)`: what a named device gets by default.
pub const SYSTEM_AND_ADMINISTRATORS: [u16; 27] =
    pagewise_lab_nt::utf16(b"D:P(A;;GA;;;SY)(A;;GA;;;BA)");

static OPEN: Routine = Routine::new(b"ObOpenObjectByPointer");
static SET: Routine = Routine::new(b"ZwSetSecurityObject");

type ObOpenObjectByPointer = unsafe extern "win64" fn(
    *mut c_void,
    u32,
    *mut c_void,
    u32,
    *mut c_void,
    i8,
    *mut HANDLE,
) -> NTSTATUS;
type ZwSetSecurityObject = unsafe extern "win64" fn(HANDLE, u32, *mut c_void) -> NTSTATUS;

/// Gives the device object what the SDDL string says.
///
/// # Errors
/// `STATUS_INVALID_PARAMETER` for a string that is not understood; else what the kernel says.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn apply(object: *mut DEVICE_OBJECT, sddl: &[u16]) -> NTSTATUS {
    let mut bytes = [0; MAX_BYTES];
    let Ok(descriptor) = Descriptor::parse(sddl, &mut bytes) else {
        return STATUS_INVALID_PARAMETER;
    };
    let (Some(open), Some(set)) = (OPEN.find(), SET.find()) else { return STATUS_SUCCESS };
    // SAFETY: the addresses of routines with these signatures.
    let open: ObOpenObjectByPointer = unsafe { core::mem::transmute(open) };
    // SAFETY: as above.
    let set: ZwSetSecurityObject = unsafe { core::mem::transmute(set) };
    let mut handle = null_mut();
    // SAFETY: a device object of the caller's; no object type means any.
    let status = unsafe {
        open(
            object.cast(),
            OBJ_KERNEL_HANDLE,
            null_mut(),
            WRITE_DAC,
            null_mut(),
            KernelMode as i8,
            &raw mut handle,
        )
    };
    if !NT_SUCCESS(status) {
        return status;
    }
    let descriptor = descriptor.as_ptr().cast_mut().cast();
    // SAFETY: the handle just opened and a self-relative descriptor, which is only read.
    let status = unsafe { set(handle, DACL_SECURITY_INFORMATION, descriptor) };
    // SAFETY: opened above.
    unsafe { ZwClose(handle) };
    status
}
