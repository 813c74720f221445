//! The sections of a driver's file.

use std::ops::Range;

use object::LittleEndian as LE;
use object::pe::IMAGE_SCN_MEM_DISCARDABLE;
use object::read::pe::PeFile64;
use serde::Serialize;

/// What the linker made of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It stays in memory.
    Resident,
    /// Its name begins with `PAGE`.
    Pageable,
    /// It goes once `DriverEntry` has succeeded.
    Discardable,
}

/// A section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// RVA of its first byte.
    pub rva: u32,
    /// How many it has in memory.
    pub bytes: u32,
    /// What the linker made of it.
    pub kind: Kind,
}

impl Section {
    /// Its RVAs.
    #[must_use]
    pub fn range(&self) -> Range<u32> {
        self.rva..self.rva.saturating_add(self.bytes)
    }
}

/// The sections of the image in `file`.
///
/// # Errors
/// It is no PE32+ image.
pub fn sections(file: &[u8]) -> object::Result<Vec<Section>> {
    let file = PeFile64::parse(file)?;
    let section = |header: &object::pe::ImageSectionHeader| {
        let name = String::from_utf8_lossy(header.raw_name()).into_owned();
        let discardable = header.characteristics.get(LE) & IMAGE_SCN_MEM_DISCARDABLE != 0;
        let kind = match () {
            () if discardable => Kind::Discardable,
            () if name.starts_with("PAGE") => Kind::Pageable,
            () => Kind::Resident,
        };
        let bytes = match header.virtual_size.get(LE) {
            0 => header.size_of_raw_data.get(LE),
            bytes => bytes,
        };
        Section { name, rva: header.virtual_address.get(LE), bytes, kind }
    };
    Ok(file.section_table().iter().map(section).collect())
}
