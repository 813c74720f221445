//! What each host thread knows of itself as a virtual processor.
//!
//! It is thread-local storage that code reaches without a call: Rust's own thread-locals, in a
//! library that might be linked anywhere, are looked up by a call with the host's calling
//! convention, and a routine with the driver's convention has to save ten vector registers before
//! it may make one. That costs more than a raise of the IRQL and its lowering together. There is no
//! destructor and nothing is initialised lazily, so a signal handler may use it.

use std::arch::{asm, global_asm};
use std::cell::Cell;

use super::processor::Processor;
use super::thread::Thread;

/// Zeroes in a new thread: `PASSIVE_LEVEL`, and neither processor nor thread.
#[repr(C)]
pub(super) struct Local {
    pub(super) irql: Cell<u8>,
    pub(super) processor: Cell<*const Processor>,
    pub(super) thread: Cell<*mut Thread>,
}

const _: () = assert!(size_of::<Local>() == 24 && align_of::<Local>() == 8);

global_asm!(
    ".pushsection .tbss,\"awT\",@nobits",
    ".balign 8",
    ".globl pagewise_lab_local",
    ".hidden pagewise_lab_local",
    ".type pagewise_lab_local,@object",
    ".size pagewise_lab_local,24",
    "pagewise_lab_local:",
    ".zero 24",
    ".popsection",
);

/// This thread's.
#[inline(always)]
pub(super) fn local<'a>() -> &'a Local {
    let address: *const Local;
    // SAFETY: it computes an address from the thread pointer and a constant that the dynamic linker
    // has filled in (the initial-exec model of the x86-64 ABI), and changes flags only. The result is
    // the same each time in a thread.
    unsafe {
        asm!(
            "mov {address}, qword ptr [rip + pagewise_lab_local@GOTTPOFF]",
            "add {address}, qword ptr fs:[0]",
            address = out(reg) address,
            options(pure, nomem, nostack),
        );
    }
    // SAFETY: the storage is aligned, of the type's size, zeroed, which the type may be, and lives as
    // long as the thread; the reference is used at once and does not leave the thread, as `Cell` is
    // not `Sync`.
    unsafe { &*address }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_has_its_own_and_begins_with_zeroes() {
        let here = std::ptr::from_ref(local()) as usize;
        let there = std::thread::spawn(|| {
            let local = local();
            let zero = local.irql.get() == 0 && local.thread.get().is_null();
            (std::ptr::from_ref(local) as usize, zero)
        });
        let (there, zero) = there.join().unwrap();
        assert_ne!(here, there);
        assert!(zero);
        assert_eq!(std::ptr::from_ref(local()) as usize, here);
    }
}
