//! The notes of a core: its threads, the host's auxiliary vector, the report.

use std::fs;
use std::io;

use object::elf::{NT_AUXV, NT_PRSTATUS};
use pagewise_lab_wire::MappedImage;
use serde::{Deserialize, Serialize};

use super::freeze::Thread;
use super::{Failed, OWNER, PROGRAM, REPORT};
use crate::bugcheck::Register;
use crate::image;

/// What a core's notes of a thread take, rounded up.
const THREAD: usize = 512;

/// Threads that there is room for from the start: no memory is allocated while they stand still.
const ROOM: usize = 1100;

/// The program that was dumped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Program {
    pub(super) executable: std::path::PathBuf,
    pub(super) images: Vec<MappedImage>,
}

/// See the module.
pub(super) struct Notes(Vec<u8>);

impl Notes {
    /// Everything but the threads that stand still. The first thread of a core is the one that a
    /// debugger shows.
    pub(super) fn prepare(failed: &Failed<'_>) -> io::Result<Self> {
        let program = Program {
            executable: std::env::current_exe()?,
            images: image::loaded().map(crate::serve::mapped).collect(),
        };
        let program = serde_json::to_vec(&program).map_err(io::Error::from)?;
        let vector = fs::read("/proc/self/auxv")?;
        let fixed = program.len() + failed.report.len() + vector.len() + 4096;
        let mut notes = Self(Vec::with_capacity(fixed + ROOM * THREAD));
        let registers = failed.registers;
        const INTERRUPTS_ON: u64 = 0x202;
        let fs_base = 0;
        let failing = Thread { id: failed.thread, registers, flags: INTERRUPTS_ON, fs_base };
        notes.status(&failing, libc::SIGSEGV as u16);
        notes.note(b"CORE\0", NT_AUXV, &vector);
        notes.note(OWNER, REPORT, failed.report);
        notes.note(OWNER, PROGRAM, &program);
        Ok(notes)
    }

    /// Adds a thread that stands still.
    pub(super) fn thread(&mut self, thread: Thread) {
        if self.0.capacity() - self.0.len() >= THREAD {
            self.status(&thread, 0);
        }
    }

    pub(super) fn finish(&self) -> &[u8] {
        &self.0
    }

    /// `struct elf_prstatus` of x86-64: the signal, the number, the registers.
    fn status(&mut self, thread: &Thread, signal: u16) {
        let mut status = [0; 336];
        status[0..4].copy_from_slice(&u32::from(signal).to_le_bytes());
        status[12..14].copy_from_slice(&signal.to_le_bytes());
        status[32..36].copy_from_slice(&thread.id.to_le_bytes());
        for (index, value) in registers(thread).into_iter().enumerate() {
            status[112 + 8 * index..][..8].copy_from_slice(&value.to_le_bytes());
        }
        self.note(b"CORE\0", NT_PRSTATUS, &status);
    }

    fn note(&mut self, owner: &[u8], kind: u32, content: &[u8]) {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
        self.0.extend_from_slice(&length(owner));
        self.0.extend_from_slice(&length(content));
        self.0.extend_from_slice(&kind.to_le_bytes());
        for part in [owner, content] {
            self.0.extend_from_slice(part);
            while !self.0.len().is_multiple_of(4) {
                self.0.push(0);
            }
        }
    }
}

/// In the order of the host's `user_regs_struct`.
fn registers(thread: &Thread) -> [u64; 27] {
    const CODE: u64 = 0x33;
    const STACK: u64 = 0x2b;
    /// No system call.
    const NONE: u64 = u64::MAX;
    let of = |register| thread.registers.get(register);
    [
        of(Register::R15),
        of(Register::R14),
        of(Register::R13),
        of(Register::R12),
        of(Register::Rbp),
        of(Register::Rbx),
        of(Register::R11),
        of(Register::R10),
        of(Register::R9),
        of(Register::R8),
        of(Register::Rax),
        of(Register::Rcx),
        of(Register::Rdx),
        of(Register::Rsi),
        of(Register::Rdi),
        NONE,
        thread.registers.rip,
        CODE,
        thread.flags,
        of(Register::Rsp),
        STACK,
        thread.fs_base,
        0,
        0,
        0,
        0,
        0,
    ]
}
