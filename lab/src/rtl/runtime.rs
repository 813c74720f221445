//! What compilers call by themselves.

use std::arch::naked_asm;

use super::log;
use crate::bugcheck;

const KMODE_EXCEPTION_NOT_HANDLED: u32 = 0x1E;

/// Called before a stack frame of a page or more, whose size is in `rax`, so that a stack grows
/// page by page. Host stacks need not grow: nothing is touched, and no register changes.
///
/// Page: learn.microsoft.com/cpp/build/prolog-and-epilog.
///
/// # IRQL
/// Any.
///
/// # Safety
/// Called by compiled code only.
#[unsafe(naked)]
pub unsafe extern "win64" fn __chkstk() {
    naked_asm!("ret");
}

/// The handler of `__try`, which the dispatcher of exceptions calls. The lab has none, so nobody
/// calls this; who does gets its name in the log and bug check 0x1E.
///
/// Page: learn.microsoft.com/windows/win32/devnotes/--c-specific-handler2.
///
/// # IRQL
/// Any.
pub extern "win64" fn __C_specific_handler(record: u64, frame: u64, _context: u64, _dispatch: u64) {
    const STATUS_NOT_IMPLEMENTED: u64 = 0xC000_0002;
    log::write("ntoskrnl.exe", b"__C_specific_handler: the lab dispatches no exceptions");
    bugcheck::bug_check(KMODE_EXCEPTION_NOT_HANDLED, [STATUS_NOT_IMPLEMENTED, 0, record, frame]);
}

crate::exports! {
    /// What compilers call.
    pub EXPORTS = [
        __chkstk(),
        __C_specific_handler(_, _, _, _),
    ];
}

#[cfg(test)]
mod tests {
    use std::arch::asm;

    use super::*;

    #[test]
    fn no_register_changes() {
        // More than the stack of a test: none of it may be touched.
        for bytes in [0u64, 4096, 1 << 40] {
            let (mut rax, mut rcx, mut rdx, mut r10, mut r11) = (bytes, 1u64, 2u64, 3u64, 4u64);
            let (before, after): (u64, u64);
            // SAFETY: it returns at once; the clobbers of the convention are declared.
            unsafe {
                asm!(
                    "mov {before}, rsp",
                    "call {chkstk}",
                    "mov {after}, rsp",
                    chkstk = sym __chkstk,
                    before = out(reg) before,
                    after = lateout(reg) after,
                    inout("rax") rax,
                    inout("rcx") rcx,
                    inout("rdx") rdx,
                    inout("r10") r10,
                    inout("r11") r11,
                );
            }
            assert_eq!((rax, rcx, rdx, r10, r11), (bytes, 1, 2, 3, 4));
            assert_eq!(before, after);
        }
    }
}
