//! Debug output, to the machine's [`log`].

use std::arch::naked_asm;
use std::slice;

use pagewise_lab_nt as nt;

use super::printf::{Arguments, format};
use super::{ansi, log};
use crate::{bugcheck, image};

/// "Any single call to DbgPrint will only transmit 512 bytes".
const LIMIT: usize = 512;

/// Who speaks where no image does.
const NOBODY: &str = "DbgPrint";

const KMODE_EXCEPTION_NOT_HANDLED: u32 = 0x1E;

/// Prints, each line with the name of the calling image. A call ends its last line.
///
/// Page: wdm/nf-wdm-dbgprint. Formats as `printf` without floating point; 512 bytes at most. Nothing
/// is filtered. `STATUS_SUCCESS`, or `STATUS_INVALID_PARAMETER` where there is no format.
///
/// The arguments are variable: those in registers join the others on the stack, in the places that
/// the calling convention keeps free for them, and make an array.
///
/// # IRQL
/// Any; of strings in UTF-16 Windows allows `PASSIVE_LEVEL` only.
///
/// # Safety
/// `format` is null or points to a null-terminated string, and the arguments are what it says.
#[unsafe(naked)]
pub unsafe extern "win64" fn DbgPrint(format: *const u8) -> i32 {
    naked_asm!(
        ".cfi_startproc",
        "mov [rsp + 8], rcx",
        "mov [rsp + 16], rdx",
        "mov [rsp + 24], r8",
        "mov [rsp + 32], r9",
        "lea rcx, [rsp + 8]",
        // Where the caller goes on.
        "mov rdx, [rsp]",
        "sub rsp, 40",
        ".cfi_adjust_cfa_offset 40",
        "call {print}",
        "add rsp, 40",
        ".cfi_adjust_cfa_offset -40",
        "ret",
        ".cfi_endproc",
        print = sym print_first,
    );
}

/// Prints. Component and level select nothing: everything is printed.
///
/// Page: wdm/nf-wdm-dbgprintex. See [`DbgPrint`].
///
/// # IRQL
/// Any; of strings in UTF-16 Windows allows `PASSIVE_LEVEL` only.
///
/// # Safety
/// As [`DbgPrint`].
#[unsafe(naked)]
pub unsafe extern "win64" fn DbgPrintEx(component: u32, level: u32, format: *const u8) -> i32 {
    naked_asm!(
        ".cfi_startproc",
        "mov [rsp + 8], rcx",
        "mov [rsp + 16], rdx",
        "mov [rsp + 24], r8",
        "mov [rsp + 32], r9",
        "lea rcx, [rsp + 24]",
        "mov rdx, [rsp]",
        "sub rsp, 40",
        ".cfi_adjust_cfa_offset 40",
        "call {print}",
        "add rsp, 40",
        ".cfi_adjust_cfa_offset -40",
        "ret",
        ".cfi_endproc",
        print = sym print_first,
    );
}

/// `vDbgPrintEx`: the arguments are an array already. The lines name no image.
///
/// Page: wdm/nf-wdm-vdbgprintex.
///
/// # IRQL
/// As [`DbgPrint`].
///
/// # Safety
/// As [`DbgPrint`].
pub unsafe extern "win64" fn vDbgPrintEx(
    _component: u32,
    _level: u32,
    format: *const u8,
    arguments: *const u64,
) -> i32 {
    // SAFETY: the caller vouches for it.
    unsafe { print(NOBODY, format, arguments) }
}

/// `arguments` are the format, and after it what it takes; `caller` is in who prints.
unsafe extern "win64" fn print_first(arguments: *const u64, caller: usize) -> i32 {
    // SAFETY: the caller is one of the above, whose caller vouches for it.
    let format = unsafe { arguments.read() } as *const u8;
    let who = image::find(caller).map_or(NOBODY, image::Image::name);
    // SAFETY: as above; the array goes on after its first element.
    unsafe { print(who, format, arguments.wrapping_add(1)) }
}

/// # Safety
/// As [`DbgPrint`].
unsafe fn print(who: &str, text: *const u8, arguments: *const u64) -> i32 {
    if text.is_null() {
        return nt::STATUS_INVALID_PARAMETER;
    }
    // SAFETY: the callers vouch for it.
    let length = unsafe { ansi::length(text) };
    // SAFETY: so many bytes come before the null.
    let text = unsafe { slice::from_raw_parts(text, length) };
    // SAFETY: the callers vouch for it.
    let mut arguments = unsafe { Arguments::at(arguments) };
    log::write(who, &format(text, &mut arguments, LIMIT));
    nt::STATUS_SUCCESS
}

/// A failed assertion: it is printed, and without a debugger that could go on it is the unhandled
/// breakpoint that it is on Windows, bug check 0x1E with `STATUS_BREAKPOINT`.
///
/// Page: learn.microsoft.com/windows-hardware/drivers/debugger/using-kernel-mode-assertions names it.
///
/// # IRQL
/// Any.
///
/// # Safety
/// The texts are null or point to null-terminated strings.
pub unsafe extern "win64" fn RtlAssert(
    assertion: *const u8,
    file: *const u8,
    line: u32,
    message: *const u8,
) {
    const STATUS_BREAKPOINT: u64 = 0x8000_0003;
    let arguments = [assertion as u64, file as u64, u64::from(line), message as u64];
    let format = c"*** Assertion failed: %s, %s, line %u %s".as_ptr().cast();
    // SAFETY: the caller vouches for the texts, and the format takes these four.
    unsafe { print(NOBODY, format, arguments.as_ptr()) };
    bugcheck::bug_check(KMODE_EXCEPTION_NOT_HANDLED, [STATUS_BREAKPOINT, 0, file as u64, 0]);
}

crate::exports! {
    /// Debug output.
    pub EXPORTS = [
        DbgPrint(_),
        DbgPrintEx(_, _, _),
        vDbgPrintEx(_, _, _, _),
        RtlAssert(_, _, _, _),
    ];
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::mem::transmute;

    use super::*;

    type Six = unsafe extern "win64" fn(*const u8, u64, u64, u64, u64, u64) -> i32;
    type Eight = unsafe extern "win64" fn(u32, u32, *const u8, u64, u64, u64, u64, u64) -> i32;

    #[test]
    fn arguments_in_registers_and_on_the_stack_are_printed_in_their_order() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("log");
        log::to_file(&file).unwrap();
        let format = c"order %u %u %u %u %s".as_ptr().cast();
        let text = c"end\n".as_ptr() as u64;
        // SAFETY: a variadic win64 function may be called with any number of arguments.
        let print = unsafe { transmute::<*const (), Six>(DbgPrint as *const ()) };
        // SAFETY: the format takes four integers and a string.
        assert_eq!(unsafe { print(format, 1, 2, 3, 4, text) }, nt::STATUS_SUCCESS);
        // SAFETY: as above.
        let print_ex = unsafe { transmute::<*const (), Eight>(DbgPrintEx as *const ()) };
        // SAFETY: as above.
        let status = unsafe { print_ex(101, 3, format, 5, 6, 7, 8, text) };
        assert_eq!(status, nt::STATUS_SUCCESS);
        // SAFETY: null is refused.
        let status = unsafe { print(std::ptr::null(), 1, 2, 3, 4, 5) };
        assert_eq!(status, nt::STATUS_INVALID_PARAMETER);
        let array = [9, 10, 11, 12, text];
        // SAFETY: as above.
        assert_eq!(unsafe { vDbgPrintEx(101, 3, format, array.as_ptr()) }, nt::STATUS_SUCCESS);
        // Other tests may print meanwhile.
        let log = fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains("order")).collect();
        assert_eq!(
            lines,
            [
                "DbgPrint: order 1 2 3 4 end",
                "DbgPrint: order 5 6 7 8 end",
                "DbgPrint: order 9 10 11 12 end",
            ]
        );
    }
}
