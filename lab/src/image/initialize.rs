//! The two routines by which a kernel-mode DLL, an export driver, learns of its life.
//!
//! Pages: learn.microsoft.com/windows-hardware/drivers/kernel/dllinitialize-and-dllunload and the
//! pages of the two routines.

use pagewise_lab_nt::{NTSTATUS, PUNICODE_STRING};

use super::Image;

/// Calls `DllInitialize` of an image that another one imports from, if it exports one. The caller
/// is at `PASSIVE_LEVEL` on a thread that runs driver code.
///
/// # Safety
/// `registry_path` points to a `UNICODE_STRING` that is valid during the call, and the image's
/// imports may be called.
pub unsafe fn dll_initialize(image: &Image, registry_path: PUNICODE_STRING) -> Option<NTSTATUS> {
    type Routine = unsafe extern "win64" fn(PUNICODE_STRING) -> NTSTATUS;
    let address = std::ptr::with_exposed_provenance::<()>(image.export("DllInitialize")?);
    // SAFETY: an export driver's DllInitialize has this type, and the image is loaded.
    let routine = unsafe { std::mem::transmute::<*const (), Routine>(address) };
    // SAFETY: the caller vouches for the argument; the image is mapped, relocated and bound.
    Some(unsafe { routine(registry_path) })
}

/// Calls `DllUnload` of an image that no other one imports from any more, if it exports one.
///
/// # Safety
/// As for [`dll_initialize`], and nobody runs code of the image.
pub unsafe fn dll_unload(image: &Image) -> Option<NTSTATUS> {
    type Routine = unsafe extern "win64" fn() -> NTSTATUS;
    let address = std::ptr::with_exposed_provenance::<()>(image.export("DllUnload")?);
    // SAFETY: an export driver's DllUnload has this type, and the image is loaded.
    let routine = unsafe { std::mem::transmute::<*const (), Routine>(address) };
    // SAFETY: the image is mapped, relocated and bound, and the caller vouches for the rest.
    Some(unsafe { routine() })
}
