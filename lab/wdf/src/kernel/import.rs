//! Imports that the headers have as inline code or compiler built-ins.

use pagewise_lab_nt::PKTHREAD;

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "win64" {
    /// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kegetcurrentthread>
    ///
    /// # IRQL
    /// Any.
    pub safe fn KeGetCurrentThread() -> PKTHREAD;
}

/// What the compiler itself calls.
#[expect(dead_code, reason = "called by generated code")]
mod compiler {
    use core::ffi::c_void;

    #[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
    unsafe extern "C" {
        fn memcpy(to: *mut c_void, from: *const c_void, bytes: usize) -> *mut c_void;
        fn memmove(to: *mut c_void, from: *const c_void, bytes: usize) -> *mut c_void;
        fn memset(to: *mut c_void, byte: i32, bytes: usize) -> *mut c_void;
        fn memcmp(a: *const c_void, b: *const c_void, bytes: usize) -> i32;
    }
}
