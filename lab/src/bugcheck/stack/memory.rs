//! The memory of this process, read without faulting.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::ReadStack;

/// See the module.
#[derive(Debug)]
pub(super) struct Memory(File);

impl Memory {
    pub(super) fn open() -> io::Result<Self> {
        File::open("/proc/self/mem").map(Self)
    }
}

impl ReadStack for Memory {
    fn read(&self, address: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.0.read_exact_at(&mut bytes, address).ok()?;
        Some(u64::from_ne_bytes(bytes))
    }
}

/// Words that are read at once.
const WORDS: usize = 128;
const BYTES: u64 = 8 * WORDS as u64;

/// A stack that nobody changes while it is walked: a walk reads one word beside the other, and
/// asking the host for each would cost more than all the rest.
pub(super) struct Blocks<'a> {
    memory: &'a Memory,
    /// The last block, by its address.
    last: Cell<(u64, [u64; WORDS])>,
}

impl<'a> Blocks<'a> {
    pub(super) const fn new(memory: &'a Memory) -> Self {
        // No block begins there.
        Self { memory, last: Cell::new((1, [0; WORDS])) }
    }

    fn block(&self, start: u64) -> Option<[u64; WORDS]> {
        let (address, words) = self.last.get();
        if address == start {
            return Some(words);
        }
        let mut bytes = [0; BYTES as usize];
        self.memory.0.read_exact_at(&mut bytes, start).ok()?;
        let mut words = [0; WORDS];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_ne_bytes(*bytes);
        }
        self.last.set((start, words));
        Some(words)
    }
}

impl ReadStack for Blocks<'_> {
    fn read(&self, address: u64) -> Option<u64> {
        let offset = address % BYTES;
        let aligned = offset.is_multiple_of(8);
        match self.block(address - offset).filter(|_| aligned) {
            Some(words) => words.get(offset as usize / 8).copied(),
            None => self.memory.read(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_what_memory_is() {
        let words: Vec<u64> = (0..1_000).collect();
        let memory = Memory::open().unwrap();
        let blocks = Blocks::new(&memory);
        let start = words.as_ptr() as u64;
        for (number, address) in (0..).zip((start..).step_by(8)).take(words.len()) {
            assert_eq!(blocks.read(address), Some(number));
        }
        assert_eq!(blocks.read(start + 1), memory.read(start + 1), "not aligned");
        assert_eq!(blocks.read(start + 8), Some(1), "back in an earlier block");
        assert_eq!(blocks.read(0), None);
        assert_eq!(blocks.read(u64::MAX - 7), None);
    }
}
