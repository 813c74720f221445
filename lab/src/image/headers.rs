//! The headers of a driver's file, checked as a loader checks them.
//!
//! Page: learn.microsoft.com/windows/win32/debug/pe-format.

use object::LittleEndian as LE;
use object::pe::{
    self, IMAGE_DIRECTORY_ENTRY_BASERELOC, IMAGE_DIRECTORY_ENTRY_EXCEPTION,
    IMAGE_DIRECTORY_ENTRY_EXPORT, IMAGE_DIRECTORY_ENTRY_IMPORT, IMAGE_DOS_SIGNATURE,
    IMAGE_FILE_EXECUTABLE_IMAGE, IMAGE_FILE_MACHINE_AMD64, IMAGE_FILE_RELOCS_STRIPPED,
    IMAGE_NT_OPTIONAL_HDR64_MAGIC, IMAGE_NT_SIGNATURE, IMAGE_SUBSYSTEM_NATIVE, ImageDataDirectory,
    ImageDosHeader, ImageFileHeader, ImageNtHeaders64, ImageOptionalHeader64, ImageSectionHeader,
};
use object::pod;
use pagewise_contract::PAGE_SIZE;

use super::bytes::Bytes;
use super::error::{LoadError, Part};

/// The most sections an image may have.
const MOST_SECTIONS: u16 = 96;

/// The largest image, in bytes.
const LARGEST_IMAGE: u32 = 256 << 20;

const PAGE: u32 = PAGE_SIZE as u32;

/// A part of the image that a directory entry points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) rva: u32,
    pub(super) bytes: u32,
}

/// A section, by its header.
#[derive(Clone, Debug)]
pub(super) struct SectionHeader {
    pub(super) name: String,
    pub(super) rva: u32,
    /// Bytes in the image, rounded up to pages.
    pub(super) mapped: u32,
    /// Where its content is in the file, and how much of it belongs in the image.
    pub(super) offset: u32,
    pub(super) content: u32,
    pub(super) characteristics: u32,
}

/// What the loader needs of the headers. All places lie in the image or the file.
#[derive(Clone, Debug)]
pub(super) struct Headers {
    pub(super) image_base: u64,
    pub(super) size_of_image: u32,
    pub(super) size_of_headers: u32,
    /// RVA.
    pub(super) entry_point: u32,
    pub(super) sections: Vec<SectionHeader>,
    pub(super) relocations: Directory,
    pub(super) imports: Option<Directory>,
    pub(super) exports: Option<Directory>,
}

/// Where the optional header begins, and the headers so far.
struct Start {
    optional_offset: u64,
    file_header: ImageFileHeader,
    optional: ImageOptionalHeader64,
}

fn start(file: &[u8]) -> Result<Start, LoadError> {
    let dos: &ImageDosHeader = structure(file, 0, Part::DosHeader)?;
    signature(Part::DosHeader, dos.e_magic.get(LE).into(), IMAGE_DOS_SIGNATURE.into())?;
    let offset = u64::from(dos.e_lfanew.get(LE));
    let nt: &ImageNtHeaders64 = structure(file, offset, Part::NtHeaders)?;
    signature(Part::NtHeaders, nt.signature.get(LE), IMAGE_NT_SIGNATURE)?;
    let machine = nt.file_header.machine.get(LE);
    if machine != IMAGE_FILE_MACHINE_AMD64 {
        return Err(LoadError::Machine { found: machine });
    }
    let magic = nt.optional_header.magic.get(LE);
    let expected = IMAGE_NT_OPTIONAL_HDR64_MAGIC.into();
    signature(Part::NtHeaders, magic.into(), expected)?;
    Ok(Start {
        optional_offset: offset + 4 + size_of::<ImageFileHeader>() as u64,
        file_header: nt.file_header,
        optional: nt.optional_header,
    })
}

impl Headers {
    /// Reads and checks the headers of `file`.
    pub(super) fn parse(file: &[u8]) -> Result<Self, LoadError> {
        let Start { optional_offset, file_header, optional } = start(file)?;
        let characteristics = file_header.characteristics.get(LE);
        if characteristics & IMAGE_FILE_EXECUTABLE_IMAGE == 0 {
            return Err(field("Characteristics", characteristics, "lacks EXECUTABLE_IMAGE"));
        }
        let subsystem = optional.subsystem.get(LE);
        if subsystem != IMAGE_SUBSYSTEM_NATIVE {
            return Err(LoadError::Subsystem { found: subsystem });
        }
        checksum(file, optional_offset, optional.check_sum.get(LE))?;
        let size_of_image = optional.size_of_image.get(LE);
        if size_of_image == 0 || size_of_image % PAGE != 0 || size_of_image > LARGEST_IMAGE {
            let rule = "is no number of pages, or more than 256 MiB";
            return Err(field("SizeOfImage", size_of_image, rule));
        }
        let alignment = optional.section_alignment.get(LE);
        if !alignment.is_power_of_two() || alignment < PAGE {
            return Err(field(
                "SectionAlignment",
                alignment,
                "is less than a page, or no power of 2",
            ));
        }
        let size_of_headers = optional.size_of_headers.get(LE);
        Bytes::new(file, Part::NtHeaders).slice(0, size_of_headers.into())?;
        let sections_offset =
            optional_offset + u64::from(file_header.size_of_optional_header.get(LE));
        let count = file_header.number_of_sections.get(LE);
        if count == 0 || count > MOST_SECTIONS {
            return Err(field("NumberOfSections", count, "is 0 or above 96"));
        }
        let table_end = sections_offset + u64::from(count) * size_of::<ImageSectionHeader>() as u64;
        if table_end > size_of_headers.into() {
            let rule = "leaves section headers out";
            return Err(field("SizeOfHeaders", size_of_headers, rule));
        }
        let sections =
            sections(file, sections_offset, count, alignment, size_of_headers, size_of_image)?;
        let entry_point = optional.address_of_entry_point.get(LE);
        check_entry_point(entry_point, &sections)?;
        let directories = directories(file, optional_offset, &file_header, &optional)?;
        let directory = |index: usize| {
            directories.get(index).and_then(|entry| {
                let (rva, bytes) = (entry.virtual_address.get(LE), entry.size.get(LE));
                (bytes != 0).then_some(Directory { rva, bytes })
            })
        };
        if characteristics & IMAGE_FILE_RELOCS_STRIPPED != 0 {
            return Err(LoadError::NotRelocatable);
        }
        Ok(Self {
            image_base: optional.image_base.get(LE),
            size_of_image,
            size_of_headers,
            entry_point,
            sections,
            relocations: directory(IMAGE_DIRECTORY_ENTRY_BASERELOC)
                .ok_or(LoadError::NotRelocatable)?,
            imports: directory(IMAGE_DIRECTORY_ENTRY_IMPORT),
            exports: directory(IMAGE_DIRECTORY_ENTRY_EXPORT),
        })
    }

    /// The image as it lies in memory before relocation: headers and sections in their places.
    pub(super) fn lay_out(&self, file: &[u8]) -> Result<Vec<u8>, LoadError> {
        let mut image = vec![0; self.size_of_image as usize];
        let headers = Bytes::new(file, Part::NtHeaders).slice(0, self.size_of_headers.into())?;
        image[..headers.len()].copy_from_slice(headers);
        for section in &self.sections {
            let content = Bytes::new(file, Part::SectionContent)
                .slice(section.offset.into(), section.content.into())?;
            image[section.rva as usize..][..content.len()].copy_from_slice(content);
        }
        Ok(image)
    }
}

/// The exception directory (`.pdata`) of a mapped image, for unwinding.
pub(crate) fn exception_directory(image: &[u8]) -> Option<&[u8]> {
    let Start { optional_offset, file_header, optional } = start(image).ok()?;
    let directories = directories(image, optional_offset, &file_header, &optional).ok()?;
    let entry = directories.get(IMAGE_DIRECTORY_ENTRY_EXCEPTION)?;
    let (rva, bytes) = (entry.virtual_address.get(LE), entry.size.get(LE));
    image.get(rva as usize..)?.get(..bytes as usize)
}

fn structure<T: pod::Pod>(file: &[u8], offset: u64, part: Part) -> Result<&T, LoadError> {
    let bytes = Bytes::new(file, part).slice(offset, size_of::<T>() as u64)?;
    let unreadable = LoadError::OutOfBounds { part, offset, bytes: size_of::<T>() as u64 };
    // The structures of `object` are made of unaligned fields, so that any place will do.
    pod::from_bytes(bytes).map(|(value, _)| value).map_err(|()| unreadable)
}

fn signature(part: Part, found: u32, expected: u32) -> Result<(), LoadError> {
    if found == expected { Ok(()) } else { Err(LoadError::Signature { part, found, expected }) }
}

fn field(field: &'static str, found: impl Into<u64>, rule: &'static str) -> LoadError {
    LoadError::Field { field, found: found.into(), rule }
}

fn directories<'a>(
    file: &'a [u8],
    optional_offset: u64,
    file_header: &ImageFileHeader,
    optional: &ImageOptionalHeader64,
) -> Result<&'a [ImageDataDirectory], LoadError> {
    let offset = optional_offset + size_of::<ImageOptionalHeader64>() as u64;
    let count = optional.number_of_rva_and_sizes.get(LE);
    let end = optional_offset + u64::from(file_header.size_of_optional_header.get(LE));
    let bytes = u64::from(count) * size_of::<ImageDataDirectory>() as u64;
    if offset + bytes > end {
        return Err(field("NumberOfRvaAndSizes", count, "is more than the optional header holds"));
    }
    let slice = Bytes::new(file, Part::NtHeaders).slice(offset, bytes)?;
    let unreadable = LoadError::OutOfBounds { part: Part::NtHeaders, offset, bytes };
    pod::slice_from_all_bytes(slice).map_err(|()| unreadable)
}

fn sections(
    file: &[u8],
    offset: u64,
    count: u16,
    alignment: u32,
    size_of_headers: u32,
    size_of_image: u32,
) -> Result<Vec<SectionHeader>, LoadError> {
    let mut sections = Vec::with_capacity(count.into());
    let mut expected = aligned(size_of_headers, alignment)?;
    for index in 0..usize::from(count) {
        let at = offset + (index * size_of::<ImageSectionHeader>()) as u64;
        let header: &ImageSectionHeader = structure(file, at, Part::SectionHeaders)?;
        let name = String::from_utf8_lossy(header.raw_name()).into_owned();
        let rva = header.virtual_address.get(LE);
        let raw = header.size_of_raw_data.get(LE);
        let size = match header.virtual_size.get(LE) {
            0 => raw,
            size => size,
        };
        if size == 0 {
            return Err(field("a section's size", size, "is no section"));
        }
        if rva != expected {
            return Err(LoadError::SectionPlace { index, name, rva, expected });
        }
        expected = aligned(rva.checked_add(size).ok_or_else(|| too_large(size))?, alignment)?;
        if expected > size_of_image {
            let part = Part::SectionContent;
            return Err(LoadError::OutOfBounds { part, offset: rva.into(), bytes: size.into() });
        }
        let offset = header.pointer_to_raw_data.get(LE);
        Bytes::new(file, Part::SectionContent).slice(offset.into(), raw.into())?;
        sections.push(SectionHeader {
            name,
            rva,
            mapped: expected - rva,
            offset,
            content: raw.min(size),
            characteristics: header.characteristics.get(LE),
        });
    }
    if expected != aligned(size_of_image, alignment)? {
        return Err(field("SizeOfImage", size_of_image, "is not where the last section ends"));
    }
    // The pages past the last section that only the alignment adds are not part of the image.
    if let Some(last) = sections.last_mut() {
        last.mapped = size_of_image - last.rva;
    }
    Ok(sections)
}

fn aligned(value: u32, alignment: u32) -> Result<u32, LoadError> {
    value.checked_next_multiple_of(alignment).ok_or_else(|| too_large(value))
}

fn too_large(size: u32) -> LoadError {
    field("a section's size", size, "makes the image larger than 4 GiB")
}

fn check_entry_point(entry_point: u32, sections: &[SectionHeader]) -> Result<(), LoadError> {
    let holds = |section: &&SectionHeader| {
        (section.rva..section.rva + section.mapped).contains(&entry_point)
            && section.characteristics & pe::IMAGE_SCN_MEM_EXECUTE != 0
    };
    match sections.iter().find(holds) {
        Some(_) => Ok(()),
        None => Err(field("AddressOfEntryPoint", entry_point, "is in no executable section")),
    }
}

/// Drivers must carry the right checksum
/// (learn.microsoft.com/windows/win32/debug/pe-format, "CheckSum").
fn checksum(file: &[u8], optional_offset: u64, stored: u32) -> Result<(), LoadError> {
    const CHECK_SUM: u64 = 64;
    let computed = compute_checksum(file, (optional_offset + CHECK_SUM) as usize);
    if computed == stored { Ok(()) } else { Err(LoadError::Checksum { stored, computed }) }
}

/// The sum of all 16-bit words but those of the field at `field`, carries folded in, plus the
/// length.
pub(crate) fn compute_checksum(file: &[u8], field: usize) -> u32 {
    let sum = file
        .chunks(2)
        .enumerate()
        .filter(|&(index, _)| !(field..field + 4).contains(&(2 * index)))
        .map(|(_, word)| u32::from(word[0]) | u32::from(word.get(1).copied().unwrap_or(0)) << 8)
        .fold(0_u32, |sum, word| {
            let sum = sum + word;
            (sum & 0xffff) + (sum >> 16)
        });
    sum.wrapping_add(file.len() as u32)
}
