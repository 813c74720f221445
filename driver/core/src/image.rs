//! The driver's own image, as its PE headers describe it.
//!
//! The headers are walked once, in `DriverEntry`, and what is needed later is copied: after that
//! nothing in the driver depends on the header page being readable.

use core::ops::Range;

use pagewise_contract::{MAX_SECTIONS, PAGE_SIZE, Section, SectionKind, Sections};
use zerocopy::FromZeros;

use crate::pe::{self, DosHeader, NtHeaders, SectionHeader};
use crate::refusal::Refusal;

/// Pages and sections of an image. The locks in its records are zero: they belong to
/// [`Paging`](crate::Paging).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    sections: Sections,
}

/// Why headers were not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalkError {
    /// The headers end before this byte offset's structure does.
    Truncated(usize),
    /// No `MZ`, no `PE\0\0`, or not an x64 image.
    NotX64,
    /// Sections are not aligned to pages, but to this.
    Alignment(u32),
    /// So many sections do not fit into [`MAX_SECTIONS`] records, one of which is the headers.
    SectionCount(u16),
    /// The section with this index does not begin where what is before it ends, or is empty, or
    /// does not fit into an image.
    Gap(u16),
    /// The sections end at this page, the image at another.
    End(u32),
}

impl Image {
    /// Reads the headers of a mapped image from its first bytes.
    ///
    /// # Errors
    /// [`WalkError`], for anything but page-aligned sections that follow each other without a gap
    /// from the headers to the end of the image, as the kernel's loader demands too.
    pub fn walk(headers: &[u8]) -> Result<Self, WalkError> {
        let dos: DosHeader = pe::at(headers, 0).ok_or(WalkError::Truncated(0))?;
        let nt_offset = dos.nt_headers as usize;
        let nt: NtHeaders = pe::at(headers, nt_offset).ok_or(WalkError::Truncated(nt_offset))?;
        check_x64(&dos, &nt)?;
        if nt.section_alignment as usize != PAGE_SIZE {
            return Err(WalkError::Alignment(nt.section_alignment));
        }
        let table = nt_offset
            .saturating_add(pe::OPTIONAL_HEADER)
            .saturating_add(usize::from(nt.optional_bytes));
        let end = page_of(nt.image_bytes).ok_or(WalkError::Alignment(nt.image_bytes))?;
        Self::read_table(headers, table, nt.sections, end)
    }

    fn read_table(
        headers: &[u8],
        table: usize,
        count: u16,
        image_end: u32,
    ) -> Result<Self, WalkError> {
        let mut sections = Sections::new_zeroed();
        let (first, rest) =
            sections.records.split_first_mut().ok_or(WalkError::SectionCount(count))?;
        let records = rest.get_mut(..usize::from(count)).ok_or(WalkError::SectionCount(count))?;

        *first = header_record();
        let mut end = 0;
        for (index, record) in (0..count).zip(records) {
            let offset =
                usize::from(index).saturating_mul(size_of::<SectionHeader>()).saturating_add(table);
            let header: SectionHeader =
                pe::at(headers, offset).ok_or(WalkError::Truncated(offset))?;
            let range = pages_of(&header).ok_or(WalkError::Gap(index))?;
            if index == 0 {
                first.pages = range.start;
            } else if range.start != end {
                return Err(WalkError::Gap(index));
            }
            end = range.end;
            *record = section_record(&header, &range);
        }
        if first.pages == 0 {
            return Err(WalkError::Gap(0));
        }
        if end != image_end {
            return Err(WalkError::End(end));
        }
        sections.count = u32::from(count).saturating_add(1);
        sections.pages = end;
        Ok(Self { sections })
    }

    /// Pages, headers included.
    #[must_use]
    pub fn pages(&self) -> u32 {
        self.sections.pages
    }

    /// All records, with no locks.
    #[must_use]
    pub fn sections(&self) -> &Sections {
        &self.sections
    }

    /// The record with this index.
    #[must_use]
    pub fn section(&self, index: u32) -> Option<&Section> {
        self.sections.records().get(usize::try_from(index).ok()?)
    }

    /// The `pages` pages from `first_page`.
    ///
    /// # Errors
    /// [`Refusal::InvalidParameter`] for an empty range and for one that leaves the image.
    pub fn range(&self, first_page: u32, pages: u32) -> Result<Range<u32>, Refusal> {
        let end = first_page.checked_add(pages).ok_or(Refusal::InvalidParameter)?;
        if pages == 0 || end > self.pages() {
            return Err(Refusal::InvalidParameter);
        }
        Ok(first_page..end)
    }

    /// The parts of `range` that lie in one section each, in order.
    pub fn runs(&self, range: Range<u32>) -> impl Iterator<Item = (&Section, Range<u32>)> {
        self.sections.records().iter().filter_map(move |section| {
            let end = section.first_page.saturating_add(section.pages);
            let run = section.first_page.max(range.start)..end.min(range.end);
            (!run.is_empty()).then_some((section, run))
        })
    }
}

fn check_x64(dos: &DosHeader, nt: &NtHeaders) -> Result<(), WalkError> {
    let signed = dos.magic == *b"MZ" && nt.signature == *b"PE\0\0";
    let x64 = nt.machine == pe::MACHINE_AMD64 && nt.optional_magic == pe::OPTIONAL_MAGIC_64;
    if signed && x64 { Ok(()) } else { Err(WalkError::NotX64) }
}

/// The page that begins at this RVA, if one does.
fn page_of(rva: u32) -> Option<u32> {
    let page = PAGE_SIZE as u32;
    rva.is_multiple_of(page).then_some(rva / page)
}

fn pages_of(header: &SectionHeader) -> Option<Range<u32>> {
    let bytes = if header.virtual_bytes == 0 { header.raw_bytes } else { header.virtual_bytes };
    let start = page_of(header.address)?;
    let end = start.checked_add(bytes.div_ceil(PAGE_SIZE as u32))?;
    // Page 0 is the headers'.
    (0 < start && start < end).then_some(start..end)
}

fn header_record() -> Section {
    Section {
        name: *b"HEADER\0\0",
        kind: SectionKind::Headers as u32,
        first_page: 0,
        pages: 0,
        characteristics: 0,
        locks: 0,
        reserved: 0,
    }
}

fn section_record(header: &SectionHeader, range: &Range<u32>) -> Section {
    let kind = if header.characteristics & pe::DISCARDABLE != 0 {
        SectionKind::Discardable
    } else if header.name.starts_with(b"PAGE") {
        SectionKind::Pageable
    } else {
        SectionKind::Resident
    };
    Section {
        name: header.name,
        kind: kind as u32,
        first_page: range.start,
        pages: range.end.saturating_sub(range.start),
        characteristics: header.characteristics,
        locks: 0,
        reserved: 0,
    }
}

const _: () = assert!(MAX_SECTIONS > 1);

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Builder, DEFAULT_SECTIONS};

    fn kinds(image: &Image) -> Vec<SectionKind> {
        image.sections().records().iter().filter_map(Section::kind).collect()
    }

    #[test]
    fn reads_kinds_and_extents() {
        let image = Builder::default().image();
        assert_eq!(
            kinds(&image),
            [
                SectionKind::Headers,
                SectionKind::Resident,
                SectionKind::Resident,
                SectionKind::Pageable,
                SectionKind::Pageable,
                SectionKind::Pageable,
                SectionKind::Discardable,
            ]
        );
        let names: Vec<_> = image.sections().records().iter().map(Section::name).collect();
        assert_eq!(names, ["HEADER", ".text", ".data", "PAGE", "PAGECODE", "PAGEDATA", "INIT"]);
        assert_eq!(image.pages(), 1 + 3 + 2 + 1 + 4 + 4 + 1);
        assert_eq!(image.section(3).map(|section| section.first_page), Some(6));
        assert_eq!(image.section(7), None);
    }

    #[test]
    fn a_section_without_a_virtual_size_is_as_long_as_in_the_file() {
        let mut bytes = Builder::default().headers();
        let table = Builder::SECTION_TABLE;
        bytes[table + 8..table + 12].fill(0);
        bytes[table + 16..table + 20].copy_from_slice(&0x2001_u32.to_le_bytes());
        assert_eq!(Image::walk(&bytes), Ok(Builder::default().image()));
    }

    #[test]
    fn refuses_more_sections_than_it_can_report() {
        let sections = [(*b"PAGE\0\0\0\0", 1, 0x6000_0020); MAX_SECTIONS];
        let most = Builder { sections: sections[1..].to_vec() };
        assert_eq!(most.image().sections().records().len(), MAX_SECTIONS);
        let more = Builder { sections: sections.to_vec() };
        assert_eq!(Image::walk(&more.headers()), Err(WalkError::SectionCount(24)));
    }

    #[test]
    fn refuses_what_it_cannot_map() {
        let good = Builder::default().headers();
        let edit = |offset: usize, value: &[u8]| {
            let mut bytes = good.clone();
            bytes[offset..offset + value.len()].copy_from_slice(value);
            Image::walk(&bytes)
        };
        let (nt, table) = (Builder::NT_HEADERS, Builder::SECTION_TABLE);
        assert_eq!(edit(0, b"ZM"), Err(WalkError::NotX64));
        assert_eq!(edit(nt, b"NE"), Err(WalkError::NotX64));
        assert_eq!(edit(nt + 4, &0x14c_u16.to_le_bytes()), Err(WalkError::NotX64));
        assert_eq!(edit(nt + 24, &0x10b_u16.to_le_bytes()), Err(WalkError::NotX64));
        assert_eq!(edit(60, &u32::MAX.to_le_bytes()), Err(WalkError::Truncated(0xffff_ffff)));
        assert_eq!(edit(nt + 24 + 32, &0x200_u32.to_le_bytes()), Err(WalkError::Alignment(0x200)));
        assert_eq!(edit(nt + 24 + 56, &0x2000_u32.to_le_bytes()), Err(WalkError::End(16)));
        assert_eq!(
            edit(nt + 24 + 56, &0x2001_u32.to_le_bytes()),
            Err(WalkError::Alignment(0x2001))
        );
        assert_eq!(edit(nt + 6, &0_u16.to_le_bytes()), Err(WalkError::Gap(0)));
        assert_eq!(edit(table + 12, &0_u32.to_le_bytes()), Err(WalkError::Gap(0)));
        assert_eq!(edit(table + 12, &0x1001_u32.to_le_bytes()), Err(WalkError::Gap(0)));
        assert_eq!(edit(table + 40 + 12, &0x9000_u32.to_le_bytes()), Err(WalkError::Gap(1)));
        assert_eq!(edit(table + 40 + 8, &u32::MAX.to_le_bytes()), Err(WalkError::Gap(2)));
        assert_eq!(edit(table + 8, &[0; 12]), Err(WalkError::Gap(0)));
        let cut = table + DEFAULT_SECTIONS.len() * 40 - 1;
        assert!(matches!(Image::walk(&good[..cut]), Err(WalkError::Truncated(_))));
    }

    #[test]
    fn a_range_must_lie_in_the_image() {
        let image = Builder::default().image();
        let pages = image.pages();
        assert_eq!(image.range(0, pages), Ok(0..pages));
        assert_eq!(image.range(pages - 1, 1), Ok(pages - 1..pages));
        for (first, count) in [(0, 0), (0, pages + 1), (pages, 1), (u32::MAX, 1), (1, u32::MAX)] {
            assert_eq!(image.range(first, count), Err(Refusal::InvalidParameter));
        }
    }

    fn assert_well_formed(image: &Image) {
        let records = image.sections().records();
        assert_eq!(records.first().and_then(Section::kind), Some(SectionKind::Headers));
        let mut next = 0;
        for record in records {
            assert_eq!(record.first_page, next);
            assert!(record.pages > 0);
            next += record.pages;
        }
        assert_eq!(next, image.pages());
        let covered: u32 = image.runs(0..image.pages()).map(|(_, run)| run.end - run.start).sum();
        assert_eq!(covered, image.pages());
    }

    proptest! {
        #[test]
        fn noise_is_no_image(bytes in proptest::collection::vec(any::<u8>(), 0..PAGE_SIZE)) {
            prop_assert!(Image::walk(&bytes).is_err());
        }

        #[test]
        fn damaged_headers_are_refused_or_consistent(
            damage in proptest::collection::vec((0..0x300_usize, any::<u8>()), 1..6),
            length in 0..PAGE_SIZE,
        ) {
            let mut bytes = Builder::default().headers();
            for (offset, value) in damage {
                bytes[offset] = value;
            }
            for bytes in [&bytes[..], &bytes[..length]] {
                if let Ok(image) = Image::walk(bytes) {
                    assert_well_formed(&image);
                }
            }
        }

        #[test]
        fn any_sane_table_is_covered_without_a_gap(
            pages in proptest::collection::vec(1..20_000_u32, 1..MAX_SECTIONS),
        ) {
            let sections = pages.iter().map(|&pages| (*b".data\0\0\0", pages, 0xc000_0040)).collect();
            assert_well_formed(&Builder { sections }.image());
        }
    }
}
