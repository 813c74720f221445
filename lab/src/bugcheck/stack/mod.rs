//! Walking a stack on which drivers and the machine itself have called each other.
//!
//! Frames of drivers are unwound by their `.pdata` ([`pe`]), those of the machine by the host's
//! `.eh_frame` ([`elf`]). The walk ends where neither knows a way: it never guesses.

mod callers;
mod elf;
mod memory;
pub(crate) mod pe;

pub(crate) use callers::callers;
pub(crate) use elf::{HostModules, REGISTERS};

use std::collections::HashMap;

use super::registers::Registers;
use crate::mm;
use memory::Memory;

/// No stack is deeper than this in a report.
const MOST_FRAMES: usize = 64;

/// Reads eight bytes of the stopped machine, wherever they are.
pub(crate) trait ReadStack {
    /// `None` where there is no memory.
    fn read(&self, address: u64) -> Option<u64>;
}

/// A piece of a stack as it was.
struct Copied<'a> {
    frame: u64,
    words: &'a [u64],
}

impl ReadStack for Copied<'_> {
    fn read(&self, address: u64) -> Option<u64> {
        let index = address.checked_sub(self.frame)? / size_of::<u64>() as u64;
        self.words.get(usize::try_from(index).ok()?).copied()
    }
}

/// Unwinds what a hostile image may say of its own frames: from `rva` in the image, as mapped, on a
/// stack of these words from address 0 on. How many frames there were. For the fuzzer.
#[must_use]
pub fn unwound_in(image: &[u8], mut rva: u32, words: &[u64]) -> usize {
    let memory = Copied { frame: 0, words };
    let mut registers = Registers::default();
    for frame in 0..MOST_FRAMES {
        let before = registers.rsp();
        let stepped = pe::unwind(image, rva, frame == 0, &mut registers, &memory);
        let next = u32::try_from(registers.rip);
        match next {
            Ok(next) if stepped.is_some() && registers.rsp() > before => rva = next,
            _ => return frame,
        }
    }
    MOST_FRAMES
}

/// Walks stacks of this process, whose threads must stand still for it.
#[derive(Debug)]
pub(crate) struct Walker {
    host: HostModules,
    /// By base address: the images as they are mapped.
    images: HashMap<usize, Vec<u8>>,
}

impl Walker {
    pub(crate) fn new() -> Self {
        Self { host: HostModules::new(), images: HashMap::new() }
    }

    /// The return address in a driver that is next on a stack, through frames of the machine. `frame`
    /// is the stack pointer where the innermost one's return address was, `words` what lay there.
    pub(crate) fn driver_above(&mut self, frame: u64, words: &[u64]) -> Option<u64> {
        let memory = Copied { frame, words };
        let mut registers = Registers::default();
        registers.set_rsp(frame);
        pe::unwind_leaf(&mut registers, &memory)?;
        while self.image(usize::try_from(registers.rip).ok()?).is_none() {
            self.host.unwind(registers.rip.wrapping_sub(1), &mut registers, &memory)?;
        }
        Some(registers.rip)
    }

    /// What it learned of the host, for naming the frames.
    pub(crate) fn into_host(self) -> HostModules {
        self.host
    }

    /// The return addresses from `registers` outwards. The first is the program counter itself.
    pub(crate) fn walk(&mut self, mut registers: Registers) -> Vec<u64> {
        let mut frames = vec![registers.rip];
        let Ok(memory) = Memory::open() else { return frames };
        while frames.len() < MOST_FRAMES {
            let before = registers.rsp();
            let stepped = self.step(&mut registers, frames.len() == 1, &memory);
            // A stack shrinks as it is unwound; what does not is not a stack.
            if stepped.is_none() || registers.rip == 0 || registers.rsp() <= before {
                break;
            }
            frames.push(registers.rip);
        }
        frames
    }

    /// Turns the registers of a function into those of its caller.
    fn step(&mut self, registers: &mut Registers, first: bool, memory: &Memory) -> Option<()> {
        // A return address may be the first of the next function, where a call never returns.
        let within = if first { registers.rip } else { registers.rip.wrapping_sub(1) };
        if let Some((base, image)) = self.image(usize::try_from(within).ok()?) {
            let rva = u32::try_from(within - base as u64).ok()?;
            return pe::unwind(image, rva, first, registers, memory);
        }
        if first && self.host.is_nowhere(within) {
            // A jump to nowhere: the call that led there pushed its return address last.
            return pe::unwind_leaf(registers, memory);
        }
        self.host.unwind(within, registers, memory)
    }

    fn image(&mut self, address: usize) -> Option<(usize, &[u8])> {
        let base = mm::image_base(address)?;
        let image = self.images.entry(base).or_insert_with(|| mm::snapshot(base));
        Some((base, image))
    }
}
