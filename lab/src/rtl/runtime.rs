//! What compilers call by themselves.

use std::arch::naked_asm;

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

crate::exports! {
    /// What compilers call.
    pub EXPORTS = [
        __chkstk(),
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
