//! The memory of this process, read without faulting.

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
