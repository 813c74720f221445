//! A processor's registers as handlers of exceptions are shown them, and the record of an exception.
//!
//! Pages: winnt/ns-winnt-context and winnt/ns-winnt-exception_record.

use std::arch::naked_asm;
use std::mem::offset_of;

use crate::bugcheck::Registers;
use crate::verifier::intercept;

/// `CONTEXT` of x64. Of what is not named nothing is known; of what is, a captured one has `rip`, RSP,
/// and the registers that survive a call.
#[repr(C, align(16))]
pub(crate) struct Context {
    home: [u64; 6],
    flags: u32,
    mxcsr: u32,
    segments: [u16; 6],
    eflags: u32,
    debug: [u64; 6],
    general: [u64; 16],
    rip: u64,
    float: [u8; 0xa0],
    pub(super) vectors: [[u8; 16]; 16],
    rest: [u8; 0x230],
}

const _: () = assert!(size_of::<Context>() == 0x4d0);
const _: () = assert!(offset_of!(Context, eflags) == 0x44);
const _: () = assert!(offset_of!(Context, general) == 0x78);
const _: () = assert!(offset_of!(Context, rip) == 0xf8);
const _: () = assert!(offset_of!(Context, vectors) == 0x1a0);

impl Context {
    /// With these registers.
    pub(super) fn new(registers: &Registers, vectors: [[u8; 16]; 16], eflags: u32) -> Self {
        Self {
            home: [0; 6],
            flags: 0,
            mxcsr: 0,
            segments: [0; 6],
            eflags,
            debug: [0; 6],
            general: registers.general,
            rip: registers.rip,
            float: [0; 0xa0],
            vectors,
            rest: [0; 0x230],
        }
    }

    /// Makes a captured context that of the driver, where a schedule stands between it and what it
    /// called.
    ///
    /// # Safety
    /// The call has not returned.
    pub(super) unsafe fn leave_schedule(&mut self) {
        let mut registers = self.registers();
        // SAFETY: the caller vouches for it.
        unsafe { intercept::leave_schedule(&mut registers) };
        (self.rip, self.general) = (registers.rip, registers.general);
    }

    /// The registers that a walk goes by.
    pub(super) fn registers(&self) -> Registers {
        Registers { rip: self.rip, general: self.general }
    }
}

/// `EXCEPTION_RECORD`
#[repr(C)]
pub(super) struct Record {
    pub(super) code: u32,
    pub(super) flags: u32,
    next: *mut Record,
    address: u64,
    count: u32,
    information: [u64; 15],
}

const _: () = assert!(size_of::<Record>() == 0x98);

impl Record {
    /// Of an exception at `address`.
    pub(super) fn new(code: u32, address: u64, information: &[u64]) -> Self {
        let mut all = [0; 15];
        all[..information.len()].copy_from_slice(information);
        let count = information.len() as u32;
        Self { code, flags: 0, next: std::ptr::null_mut(), address, count, information: all }
    }
}

/// The body of a naked routine with four arguments at most: captures the registers of its caller, and
/// calls `$inner` with the four, and the context as the fifth. What that returns, it returns.
macro_rules! capturing {
    ($inner:path) => {
        std::arch::naked_asm!(
            ".cfi_startproc",
            // A context 0x30 above, and the stack aligned.
            "sub rsp, 0x508",
            ".cfi_adjust_cfa_offset 0x508",
            "mov rax, [rsp + 0x508]",
            "mov [rsp + 0x30 + 0xf8], rax",
            "lea rax, [rsp + 0x510]",
            "mov [rsp + 0x30 + 0x98], rax",
            "mov [rsp + 0x30 + 0x90], rbx",
            "mov [rsp + 0x30 + 0xa0], rbp",
            "mov [rsp + 0x30 + 0xa8], rsi",
            "mov [rsp + 0x30 + 0xb0], rdi",
            "mov [rsp + 0x30 + 0xd8], r12",
            "mov [rsp + 0x30 + 0xe0], r13",
            "mov [rsp + 0x30 + 0xe8], r14",
            "mov [rsp + 0x30 + 0xf0], r15",
            "movups [rsp + 0x30 + 0x200], xmm6",
            "movups [rsp + 0x30 + 0x210], xmm7",
            "movups [rsp + 0x30 + 0x220], xmm8",
            "movups [rsp + 0x30 + 0x230], xmm9",
            "movups [rsp + 0x30 + 0x240], xmm10",
            "movups [rsp + 0x30 + 0x250], xmm11",
            "movups [rsp + 0x30 + 0x260], xmm12",
            "movups [rsp + 0x30 + 0x270], xmm13",
            "movups [rsp + 0x30 + 0x280], xmm14",
            "movups [rsp + 0x30 + 0x290], xmm15",
            "pushfq",
            ".cfi_adjust_cfa_offset 8",
            "pop rax",
            ".cfi_adjust_cfa_offset -8",
            "mov [rsp + 0x30 + 0x44], eax",
            "lea rax, [rsp + 0x30]",
            "mov [rsp + 0x20], rax",
            "call {inner}",
            "add rsp, 0x508",
            ".cfi_adjust_cfa_offset -0x508",
            "ret",
            ".cfi_endproc",
            inner = sym $inner,
        )
    };
}
pub(crate) use capturing;

/// Goes on where `context` says, with its registers.
///
/// # Safety
/// `context` is what some code waits to go on with, or a function's frame in which it is to go on at
/// `rip`; eight bytes below its stack pointer are free, and so are the eight below those. Nothing in
/// the frames between is to be dropped.
#[unsafe(naked)]
pub(super) unsafe extern "win64" fn resume(context: *const Context) -> ! {
    naked_asm!(
        "movups xmm0, [rcx + 0x1a0]",
        "movups xmm1, [rcx + 0x1b0]",
        "movups xmm2, [rcx + 0x1c0]",
        "movups xmm3, [rcx + 0x1d0]",
        "movups xmm4, [rcx + 0x1e0]",
        "movups xmm5, [rcx + 0x1f0]",
        "movups xmm6, [rcx + 0x200]",
        "movups xmm7, [rcx + 0x210]",
        "movups xmm8, [rcx + 0x220]",
        "movups xmm9, [rcx + 0x230]",
        "movups xmm10, [rcx + 0x240]",
        "movups xmm11, [rcx + 0x250]",
        "movups xmm12, [rcx + 0x260]",
        "movups xmm13, [rcx + 0x270]",
        "movups xmm14, [rcx + 0x280]",
        "movups xmm15, [rcx + 0x290]",
        "mov rdx, [rcx + 0x98]",
        "mov rax, [rcx + 0xf8]",
        "mov [rdx - 8], rax",
        "mov eax, [rcx + 0x44]",
        "mov [rdx - 16], rax",
        "lea rsp, [rdx - 16]",
        "mov rax, [rcx + 0x78]",
        "mov rbx, [rcx + 0x90]",
        "mov rdx, [rcx + 0x88]",
        "mov rbp, [rcx + 0xa0]",
        "mov rsi, [rcx + 0xa8]",
        "mov rdi, [rcx + 0xb0]",
        "mov r8, [rcx + 0xb8]",
        "mov r9, [rcx + 0xc0]",
        "mov r10, [rcx + 0xc8]",
        "mov r11, [rcx + 0xd0]",
        "mov r12, [rcx + 0xd8]",
        "mov r13, [rcx + 0xe0]",
        "mov r14, [rcx + 0xe8]",
        "mov r15, [rcx + 0xf0]",
        "mov rcx, [rcx + 0x80]",
        "popfq",
        "ret",
    );
}
