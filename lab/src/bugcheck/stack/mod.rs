//! Walking a stack on which drivers and the machine itself have called each other.
//!
//! Frames of drivers are unwound by their `.pdata` ([`pe`]), those of the machine by the host's
//! `.eh_frame` ([`elf`]). The walk ends where neither knows a way: it never guesses.

mod callers;
mod elf;
mod memory;
mod pe;

pub(crate) use callers::callers;
pub(crate) use elf::HostModules;

use std::collections::HashMap;

use super::registers::Registers;
use crate::mm;
use memory::Memory;

/// No stack is deeper than this in a report.
const MOST_FRAMES: usize = 64;

/// Reads eight bytes of the stopped machine, wherever they are.
trait ReadStack {
    /// `None` where there is no memory.
    fn read(&self, address: u64) -> Option<u64>;
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
