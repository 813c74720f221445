//! The headers of an ELF core
//! (man7.org/linux/man-pages/man5/elf.5.html).

use object::elf;

/// Bytes of the file's header, and of each segment's.
const FILE: usize = 64;
const SEGMENT: usize = 56;

/// Bytes of all headers.
pub(super) const fn header_bytes(segments: usize) -> usize {
    FILE + segments * SEGMENT
}

/// The file's header. A core of more than 65534 segments would need another one.
pub(super) fn file_header(segments: usize) -> [u8; FILE] {
    let mut bytes = [0; FILE];
    bytes[..4].copy_from_slice(&elf::ELFMAG);
    bytes[4..7].copy_from_slice(&[elf::ELFCLASS64, elf::ELFDATA2LSB, elf::EV_CURRENT]);
    bytes[16..18].copy_from_slice(&elf::ET_CORE.to_le_bytes());
    bytes[18..20].copy_from_slice(&elf::EM_X86_64.to_le_bytes());
    bytes[20..24].copy_from_slice(&u32::from(elf::EV_CURRENT).to_le_bytes());
    bytes[32..40].copy_from_slice(&(FILE as u64).to_le_bytes());
    bytes[52..54].copy_from_slice(&(FILE as u16).to_le_bytes());
    bytes[54..56].copy_from_slice(&(SEGMENT as u16).to_le_bytes());
    let count = u16::try_from(segments).unwrap_or(elf::PN_XNUM - 1);
    bytes[56..58].copy_from_slice(&count.to_le_bytes());
    bytes
}

/// A run of memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) start: u64,
    pub(super) bytes: u64,
    /// `PF_*`
    pub(super) access: u32,
}

/// A segment's header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    kind: u32,
    segment: Segment,
    offset: u64,
}

impl Header {
    /// Of the notes.
    pub(super) const fn notes(offset: u64, bytes: u64) -> Self {
        let segment = Segment { start: 0, bytes, access: 0 };
        Self { kind: elf::PT_NOTE, segment, offset }
    }

    /// Of memory.
    pub(super) const fn memory(segment: Segment, offset: u64) -> Self {
        Self { kind: elf::PT_LOAD, segment, offset }
    }

    pub(super) fn bytes(self) -> [u8; SEGMENT] {
        let Self { kind, segment: Segment { start, bytes: size, access }, offset } = self;
        let mut bytes = [0; SEGMENT];
        bytes[..4].copy_from_slice(&kind.to_le_bytes());
        bytes[4..8].copy_from_slice(&access.to_le_bytes());
        bytes[8..16].copy_from_slice(&offset.to_le_bytes());
        bytes[16..24].copy_from_slice(&start.to_le_bytes());
        bytes[32..40].copy_from_slice(&size.to_le_bytes());
        let in_memory = if kind == elf::PT_LOAD { size } else { 0 };
        bytes[40..48].copy_from_slice(&in_memory.to_le_bytes());
        let alignment: u64 = if kind == elf::PT_LOAD { 0x1000 } else { 4 };
        bytes[48..56].copy_from_slice(&alignment.to_le_bytes());
        bytes
    }
}
