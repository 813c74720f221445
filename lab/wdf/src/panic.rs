//! What the compiler wants of a program without a runtime.

use core::panic::PanicInfo;

/// Nothing here panics by design; if it does, the machine stops and says where.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    stop(info)
}

#[cfg(windows)]
fn stop(info: &PanicInfo<'_>) -> ! {
    let line = info.location().map_or(0, core::panic::Location::line);
    crate::kernel::violation::internal(line)
}

#[cfg(not(windows))]
fn stop(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

// What the linker looks for and a kernel image does without. In assembler, so that neither is
// exported: `_fltused` marks programs with floating-point code, of which `core` has some;
// `core` may have been built to unwind, but with `panic = "abort"` nobody calls the handler.
#[cfg(windows)]
core::arch::global_asm!(
    ".globl _fltused",
    ".globl __CxxFrameHandler3",
    ".section .rdata,\"dr\"",
    "_fltused: .long 0",
    ".text",
    "__CxxFrameHandler3: int3",
);
