//! What may be done to a page.

use std::fmt;

use rustix::mm::{MprotectFlags, ProtFlags};

/// A kind of access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// A load.
    Read,
    /// A store.
    Write,
    /// An instruction fetch.
    Execute,
}

/// What the section of a page allows. Every page may be read: x64 has no page that may be written
/// or executed but not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Protection {
    pub(crate) write: bool,
    pub(crate) execute: bool,
}

impl Protection {
    pub(crate) const READ: Self = Self { write: false, execute: false };
    pub(crate) const READ_WRITE: Self = Self { write: true, execute: false };

    /// From `Characteristics` of a section header
    /// (learn.microsoft.com/windows/win32/debug/pe-format, "Section Flags").
    pub(crate) const fn of_section(characteristics: u32) -> Self {
        const MEM_EXECUTE: u32 = 0x2000_0000;
        const MEM_WRITE: u32 = 0x8000_0000;
        Self {
            write: characteristics & MEM_WRITE != 0,
            execute: characteristics & MEM_EXECUTE != 0,
        }
    }

    #[inline]
    pub(crate) const fn allows(self, access: Access) -> bool {
        match access {
            Access::Read => true,
            Access::Write => self.write,
            Access::Execute => self.execute,
        }
    }

    #[inline]
    pub(crate) fn mprotect_flags(self) -> MprotectFlags {
        let mut flags = MprotectFlags::READ;
        flags.set(MprotectFlags::WRITE, self.write);
        flags.set(MprotectFlags::EXEC, self.execute);
        flags
    }
}

/// Such as `r-x`.
impl fmt::Display for Protection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write = if self.write { 'w' } else { '-' };
        let execute = if self.execute { 'x' } else { '-' };
        write!(formatter, "r{write}{execute}")
    }
}

/// How the alias of a mapping is mapped.
pub(crate) const ALIAS: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_flags_say_what_is_allowed() {
        let text = Protection::of_section(0x6000_0020);
        assert!(text.allows(Access::Execute) && !text.allows(Access::Write));
        let data = Protection::of_section(0xc000_0040);
        assert!(data.allows(Access::Write) && !data.allows(Access::Execute));
        let constants = Protection::of_section(0x4000_0040);
        assert_eq!(constants, Protection::READ);
        assert!(constants.allows(Access::Read));
    }
}
