//! Stops for what a client must not do: bug check 0x10D WDF_VIOLATION
//! (learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x10d---wdf-violation).

use core::ffi::CStr;

use pagewise_lab_nt::{DbgPrint, KeBugCheckEx};

use crate::abi::Handle;

const WDF_VIOLATION: u32 = 0x10d;

/// Parameter 1 where a function of the framework is not provided here. The documented codes end
/// at 0x10; parameter 2 points to the function's name (NUL-terminated), 3 is its slot, 4 the
/// client's globals.
pub const NOT_PROVIDED: u64 = 0x1_0000;

/// Parameter 1 where this framework itself is at fault; parameter 2 is a source line.
pub const INTERNAL: u64 = 0x1_0001;

/// `WDF_BUGCHECK_CODES`
#[derive(Clone, Copy)]
pub enum Code {
    /// `WDF_REQUIRED_PARAMETER_IS_NULL`
    RequiredParameterIsNull = 4,
    /// `WDF_INVALID_HANDLE`
    InvalidHandle = 5,
    /// `WDF_REQUEST_FATAL_ERROR`
    RequestFatalError = 6,
    /// `WDF_OBJECT_ERROR`
    ObjectError = 7,
    /// `WDF_INVALID_LOCK_OPERATION`
    InvalidLockOperation = 0xb,
    /// `WDF_VERIFIER_FATAL_ERROR`
    VerifierFatalError = 3,
}

/// Stops the machine with a documented code.
///
/// # IRQL
/// Any.
pub fn violation(code: Code, p2: usize, p3: usize, p4: usize) -> ! {
    bug_check(code as u64, p2, p3, p4)
}

/// A parameter that must not be null is.
///
/// # IRQL
/// Any.
pub fn null_parameter() -> ! {
    violation(Code::RequiredParameterIsNull, 0, 0, 0)
}

/// A handle is not one of what the function takes.
///
/// # IRQL
/// Any.
pub fn invalid_handle(handle: Handle, wanted: u16) -> ! {
    violation(Code::InvalidHandle, handle.0.addr(), usize::from(wanted), 0)
}

/// A function of the table that is not provided was called.
///
/// # IRQL
/// Any.
pub fn not_provided(name: &'static CStr, slot: usize, globals: usize) -> ! {
    // SAFETY: a constant format and arguments of the types it names.
    unsafe {
        DbgPrint(
            c"wdfldr: %s (slot %u) is not provided\n".as_ptr(),
            name.as_ptr(),
            u32::try_from(slot).unwrap_or(u32::MAX),
        )
    };
    bug_check(NOT_PROVIDED, name.as_ptr().addr(), slot, globals)
}

/// The framework is at fault.
///
/// # IRQL
/// Any.
pub fn internal(line: u32) -> ! {
    bug_check(INTERNAL, line as usize, 0, 0)
}

fn bug_check(p1: u64, p2: usize, p3: usize, p4: usize) -> ! {
    // SAFETY: callable at any IRQL.
    unsafe { KeBugCheckEx(WDF_VIOLATION, p1, p2 as u64, p3 as u64, p4 as u64) }
}
