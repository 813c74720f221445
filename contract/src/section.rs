//! The sections of the driver's image.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::assert_layout;

/// Bytes of a section name in a PE header; shorter names are padded with zeroes.
pub const SECTION_NAME_BYTES: usize = 8;

/// Records that a [`Sections`] answer has room for. An image with more sections is refused by
/// `DriverEntry`.
pub const MAX_SECTIONS: usize = 24;

/// What the linker asked of the loader for a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum SectionKind {
    /// The PE headers: not a section, but pages of the image. Treated as resident by link.
    Headers = 0,
    /// Resident by link: any name that does not begin with `PAGE`.
    Resident = 1,
    /// Pageable by link: a name that begins with `PAGE`
    /// (learn.microsoft.com/windows-hardware/drivers/kernel/making-drivers-pageable).
    Pageable = 2,
    /// `IMAGE_SCN_MEM_DISCARDABLE`: gone once `DriverEntry` has returned, and never touched again.
    Discardable = 3,
}

impl SectionKind {
    /// The kind with this number, if there is one.
    #[must_use]
    pub const fn from_u32(value: u32) -> Option<Self> {
        match value {
            0 => Some(Self::Headers),
            1 => Some(Self::Resident),
            2 => Some(Self::Pageable),
            3 => Some(Self::Discardable),
            _ => None,
        }
    }
}

/// One section. Records are in the order of their pages, which they cover without gap; the first is
/// the headers.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Section {
    /// Name as in the PE header; `HEADER` for the headers.
    pub name: [u8; SECTION_NAME_BYTES],
    /// A [`SectionKind`].
    pub kind: u32,
    /// First page, counted from the image base.
    pub first_page: u32,
    /// Pages covered.
    pub pages: u32,
    /// `Characteristics` of the PE section header; 0 for the headers.
    pub characteristics: u32,
    /// Locks held through [`Ioctl::Lock`](crate::Ioctl::Lock).
    pub locks: u32,
    /// Zero.
    pub reserved: u32,
}

assert_layout!(Section, size 32, name @ 0, kind @ 8, first_page @ 12, pages @ 16,
    characteristics @ 20, locks @ 24, reserved @ 28);

impl Section {
    /// `IMAGE_SCN_MEM_EXECUTE`
    pub const EXECUTE: u32 = 0x2000_0000;
    /// `IMAGE_SCN_MEM_READ`
    pub const READ: u32 = 0x4000_0000;
    /// `IMAGE_SCN_MEM_WRITE`
    pub const WRITE: u32 = 0x8000_0000;

    /// The kind, if it is one this contract knows.
    #[must_use]
    pub const fn kind(&self) -> Option<SectionKind> {
        SectionKind::from_u32(self.kind)
    }

    /// The name without its padding. Bytes that are not UTF-8 end it.
    #[must_use]
    pub fn name(&self) -> &str {
        let end = self.name.iter().position(|&byte| byte == 0).unwrap_or(SECTION_NAME_BYTES);
        let bytes = &self.name[..end];
        match core::str::from_utf8(bytes) {
            Ok(name) => name,
            Err(error) => core::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        }
    }
}

/// Answer to [`Ioctl::Sections`](crate::Ioctl::Sections): always of this size, with `count` records
/// in use.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Sections {
    /// Records in use.
    pub count: u32,
    /// Pages of the image.
    pub pages: u32,
    /// The records; those past `count` are zero.
    pub records: [Section; MAX_SECTIONS],
}

assert_layout!(Sections, size 776, count @ 0, pages @ 4, records @ 8);

impl Sections {
    /// The records in use.
    #[must_use]
    pub fn records(&self) -> &[Section] {
        let count = usize::try_from(self.count).unwrap_or(MAX_SECTIONS).min(MAX_SECTIONS);
        &self.records[..count]
    }
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros;

    use super::*;

    #[test]
    fn a_name_ends_at_its_padding_or_at_the_first_bad_byte() {
        let mut section = Section::new_zeroed();
        assert_eq!(section.name(), "");
        section.name = *b".text\0\0\0";
        assert_eq!(section.name(), ".text");
        section.name = *b"PAGEBALC";
        assert_eq!(section.name(), "PAGEBALC");
        section.name = *b"AB\xff\0\0\0\0\0";
        assert_eq!(section.name(), "AB");
    }

    #[test]
    fn a_count_from_the_wire_cannot_reach_past_the_records() {
        let mut sections = Sections::new_zeroed();
        sections.count = u32::MAX;
        assert_eq!(sections.records().len(), MAX_SECTIONS);
    }
}
