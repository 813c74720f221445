//! The registers that a stack walk starts from.

use std::arch::asm;

/// A general register, numbered as in x64 machine code and in unwind information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Register {
    Rax,
    Rcx,
    Rdx,
    Rbx,
    Rsp,
    Rbp,
    Rsi,
    Rdi,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
}

/// The state of a processor, as far as a stack walk needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Registers {
    pub(crate) rip: u64,
    /// Indexed by [`Register`].
    pub(crate) general: [u64; 16],
}

impl Registers {
    /// Those of the caller: what a walk needs to begin there.
    #[inline(always)]
    pub(crate) fn here() -> Self {
        let mut registers = Self::default();
        let general = registers.general.as_mut_ptr();
        let rip: u64;
        // SAFETY: writes the registers that survive a call, and no others are needed, to their
        // places among the sixteen that `general` points to.
        unsafe {
            asm!(
                "lea {rip}, [rip]",
                "mov [{general} + 8 * 3], rbx",
                "mov [{general} + 8 * 4], rsp",
                "mov [{general} + 8 * 5], rbp",
                "mov [{general} + 8 * 6], rsi",
                "mov [{general} + 8 * 7], rdi",
                "mov [{general} + 8 * 12], r12",
                "mov [{general} + 8 * 13], r13",
                "mov [{general} + 8 * 14], r14",
                "mov [{general} + 8 * 15], r15",
                rip = out(reg) rip,
                general = in(reg) general,
                options(nostack, preserves_flags),
            );
        }
        registers.rip = rip;
        registers
    }

    pub(crate) fn get(&self, register: Register) -> u64 {
        self.general[register as usize]
    }

    pub(crate) fn set(&mut self, register: Register, value: u64) {
        self.general[register as usize] = value;
    }

    pub(crate) fn rsp(&self) -> u64 {
        self.get(Register::Rsp)
    }

    pub(crate) fn set_rsp(&mut self, value: u64) {
        self.set(Register::Rsp, value);
    }
}

/// Where a signal handler is given each general register, in the order of [`Register`].
pub(crate) const PLACES: [libc::c_int; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];

/// What a signal handler is given, as registers.
impl From<&libc::mcontext_t> for Registers {
    fn from(context: &libc::mcontext_t) -> Self {
        let get = |index: libc::c_int| context.gregs[index as usize].cast_unsigned();
        Self { rip: get(libc::REG_RIP), general: PLACES.map(get) }
    }
}
