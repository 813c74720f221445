//! Leaving a thread's routine from anywhere below it.
//!
//! `PsTerminateSystemThread` does not return, and the frames between it and the thread's start are
//! the driver's: nothing of the host's needs unwinding there, and nothing could unwind it. So the
//! stack pointer is noted before the driver is called, and simply restored.

use std::arch::naked_asm;
use std::ffi::c_void;

/// Calls `routine(argument)` with the Windows calling convention, after noting in `*mark` where to
/// return to. Returns when the routine does, or when [`leave`] is called with the mark.
///
/// # Safety
/// `routine` is a function of one argument that upholds the Windows calling convention.
#[unsafe(naked)]
pub(super) unsafe extern "sysv64" fn call(
    mark: *mut *mut c_void,
    routine: *const c_void,
    argument: *mut c_void,
) {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        // Five registers and the return address: eight more bytes align the stack. With the
        // 32 bytes that the callee may spill its arguments to, 40.
        "sub rsp, 40",
        "mov [rdi], rsp",
        "mov rcx, rdx",
        "call rsi",
        "add rsp, 40",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    );
}

/// Returns from the [`call`] that noted `mark`.
///
/// # Safety
/// The call is still under way on this thread, and no frame in between has anything to drop.
#[unsafe(naked)]
pub(super) unsafe extern "sysv64" fn leave(mark: *mut c_void) -> ! {
    naked_asm!(
        "mov rsp, rdi",
        "cld",
        "add rsp, 40",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    );
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    extern "win64" fn returns(argument: *mut c_void) {
        // SAFETY: the tests pass a number's address.
        unsafe { *argument.cast::<u64>() = 7 };
    }

    extern "win64" fn leaves(argument: *mut c_void) {
        deep(argument, 10);
    }

    #[inline(never)]
    extern "win64" fn deep(argument: *mut c_void, depth: u32) {
        if depth > 0 {
            deep(argument, depth - 1);
        }
        // SAFETY: the test passes an argument.
        let argument = unsafe { &mut *argument.cast::<Argument>() };
        argument.number += 1;
        let mark = argument.mark;
        // SAFETY: `call` waits below, and these frames have nothing to drop.
        unsafe { leave(mark) };
    }

    #[repr(C)]
    struct Argument {
        number: u64,
        mark: *mut c_void,
    }

    #[test]
    fn a_routine_may_return_or_leave() {
        let mut argument = Argument { number: 0, mark: ptr::null_mut() };
        let to = (&raw mut argument).cast();
        // SAFETY: it is a win64 function of one argument.
        unsafe { call(&raw mut argument.mark, returns as *const c_void, to) };
        assert_eq!(argument.number, 7);
        for round in 1..=3 {
            // SAFETY: it is a win64 function of one argument.
            unsafe { call(&raw mut argument.mark, leaves as *const c_void, to) };
            assert_eq!(argument.number, 7 + round);
        }
    }
}
