//! The few places of a PE32+ file that are changed or compared as numbers.

use object::LittleEndian as LE;
use object::pe::{ImageDosHeader, ImageSectionHeader};
use object::read::pe::PeFile64;

pub use pagewise_package::authenticode::checksum;

/// `IMAGE_SCN_MEM_DISCARDABLE`
pub const DISCARDABLE: u32 = object::pe::IMAGE_SCN_MEM_DISCARDABLE;
/// `IMAGE_SCN_MEM_NOT_PAGED`
pub const NOT_PAGED: u32 = object::pe::IMAGE_SCN_MEM_NOT_PAGED;

/// Where the optional header is within `IMAGE_NT_HEADERS64`.
const OPTIONAL_HEADER_IN_HEADERS: usize = 24;
/// Where the checksum is within `IMAGE_NT_HEADERS64`.
const CHECKSUM_IN_HEADERS: usize = OPTIONAL_HEADER_IN_HEADERS + 64;
/// Where `Characteristics` is within `IMAGE_SECTION_HEADER`.
const CHARACTERISTICS_IN_SECTION: usize = 36;

/// The name of a section as text.
pub fn name(section: &ImageSectionHeader) -> String {
    let name = section.name.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(name).into_owned()
}

/// Whether the loader keeps a section in memory for good: it does unless the name begins with
/// `PAGE` or the section is thrown away after `DriverEntry`
/// (learn.microsoft.com/windows-hardware/drivers/kernel/making-drivers-pageable).
pub fn is_resident(name: &str, characteristics: u32) -> bool {
    !name.starts_with("PAGE") && characteristics & DISCARDABLE == 0
}

/// The file offset of the checksum field.
pub fn checksum_offset(file: &[u8]) -> Result<usize, object::Error> {
    Ok(ImageDosHeader::parse(file)?.nt_headers_offset() as usize + CHECKSUM_IN_HEADERS)
}

/// Writes a checksum into the file's headers.
pub fn set_checksum(file: &mut [u8]) -> Result<(), object::Error> {
    let field = checksum_offset(file)?;
    let value = checksum(file, field);
    if let Some(bytes) = file.get_mut(field..field + 4) {
        bytes.copy_from_slice(&value.to_le_bytes());
    }
    Ok(())
}

/// Sets `IMAGE_SCN_MEM_NOT_PAGED` on every resident section and takes it from all others.
/// The checksum is stale afterwards.
pub fn mark_residents(file: &mut [u8]) -> Result<(), object::Error> {
    let mut writes = Vec::new();
    {
        let image = PeFile64::parse(&*file)?;
        let table = ImageDosHeader::parse(&*file)?.nt_headers_offset() as usize
            + OPTIONAL_HEADER_IN_HEADERS
            + usize::from(image.nt_headers().file_header.size_of_optional_header.get(LE));
        for (index, section) in image.section_table().iter().enumerate() {
            let old = section.characteristics.get(LE);
            let new =
                if is_resident(&name(section), old) { old | NOT_PAGED } else { old & !NOT_PAGED };
            if new != old {
                let at =
                    table + index * size_of::<ImageSectionHeader>() + CHARACTERISTICS_IN_SECTION;
                writes.push((at, new));
            }
        }
    }
    for &(at, value) in &writes {
        if let Some(bytes) = file.get_mut(at..at + 4) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn residents_are_those_that_are_neither_pageable_nor_discardable() {
        assert!(is_resident(".text", 0));
        assert!(is_resident("INIT", 0));
        assert!(!is_resident("INIT", DISCARDABLE));
        assert!(!is_resident("PAGE", 0));
        assert!(!is_resident("PAGEDATA", 0));
    }

    #[test]
    fn what_is_no_image_is_an_error() {
        assert!(mark_residents(&mut [0; 64]).is_err());
        assert!(set_checksum(&mut []).is_err());
    }
}
