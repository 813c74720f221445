//! The parts of a PE header that the walk needs
//! (learn.microsoft.com/windows/win32/debug/pe-format).

use zerocopy::{FromBytes, Immutable, KnownLayout};

/// `IMAGE_DOS_HEADER`, as far as it matters.
#[repr(C)]
#[derive(FromBytes, Immutable, KnownLayout)]
pub struct DosHeader {
    /// `MZ`
    pub magic: [u8; 2],
    _stub: [u8; 58],
    /// File offset of [`NtHeaders`].
    pub nt_headers: u32,
}

/// Signature, `IMAGE_FILE_HEADER` and the beginning of `IMAGE_OPTIONAL_HEADER64`.
#[repr(C)]
#[derive(FromBytes, Immutable, KnownLayout)]
pub struct NtHeaders {
    /// `PE\0\0`
    pub signature: [u8; 4],
    /// `IMAGE_FILE_MACHINE_*`
    pub machine: u16,
    /// Entries of the section table.
    pub sections: u16,
    _times_and_symbols: [u32; 3],
    /// Bytes from [`NtHeaders::optional_magic`] to the section table.
    pub optional_bytes: u16,
    _characteristics: u16,
    /// 0x20B in a 64-bit image.
    pub optional_magic: u16,
    _linker_version: u16,
    _sizes_and_entry: [u32; 5],
    _image_base: [u32; 2],
    /// Alignment of sections in memory.
    pub section_alignment: u32,
    _file_alignment: u32,
    _versions: [u32; 3],
    _win32_version: u32,
    /// Bytes of the image in memory, headers included.
    pub image_bytes: u32,
}

/// Offset of [`NtHeaders::optional_magic`] in [`NtHeaders`].
pub const OPTIONAL_HEADER: usize = 24;

const _: () = {
    assert!(size_of::<DosHeader>() == 64);
    assert!(core::mem::offset_of!(NtHeaders, optional_magic) == OPTIONAL_HEADER);
    assert!(core::mem::offset_of!(NtHeaders, section_alignment) == OPTIONAL_HEADER + 32);
    assert!(core::mem::offset_of!(NtHeaders, image_bytes) == OPTIONAL_HEADER + 56);
    assert!(size_of::<SectionHeader>() == 40);
};

/// `IMAGE_SECTION_HEADER`
#[repr(C)]
#[derive(FromBytes, Immutable, KnownLayout)]
pub struct SectionHeader {
    /// Padded with zeroes.
    pub name: [u8; 8],
    /// Bytes in memory; 0 stands for [`SectionHeader::raw_bytes`].
    pub virtual_bytes: u32,
    /// RVA.
    pub address: u32,
    /// Bytes in the file.
    pub raw_bytes: u32,
    _file_offsets: [u32; 3],
    _relocations_and_lines: [u16; 2],
    /// `IMAGE_SCN_*`
    pub characteristics: u32,
}

/// `IMAGE_FILE_MACHINE_AMD64`
pub const MACHINE_AMD64: u16 = 0x8664;
/// `IMAGE_NT_OPTIONAL_HDR64_MAGIC`
pub const OPTIONAL_MAGIC_64: u16 = 0x20b;
/// `IMAGE_SCN_MEM_DISCARDABLE`
pub const DISCARDABLE: u32 = 0x0200_0000;

/// A copy of the `T` at `offset`, if all of it is there.
pub fn at<T: FromBytes>(bytes: &[u8], offset: usize) -> Option<T> {
    let (value, _) = T::read_from_prefix(bytes.get(offset..)?).ok()?;
    Some(value)
}
