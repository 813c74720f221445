//! Where the parts of a PE file are that signing must know.

use std::ops::Range;

use super::{Error, Result};

/// Where `e_lfanew` is in the DOS header.
const NT_HEADERS: usize = 0x3c;
/// `IMAGE_FILE_HEADER`, after the four bytes of the signature.
const FILE_HEADER: usize = 4;
/// `IMAGE_OPTIONAL_HEADER`, from the signature on.
const OPTIONAL_HEADER: usize = 24;
/// `CheckSum` in the optional header of either format.
const CHECKSUM: usize = 64;
/// `IMAGE_DIRECTORY_ENTRY_SECURITY`.
const SECURITY: usize = 4;
/// The size of an entry of the data directory.
const ENTRY: usize = 8;
/// The size of `IMAGE_SECTION_HEADER`.
const SECTION: usize = 40;
/// To how many bytes the certificate table and its entries are aligned.
pub const ALIGNMENT: usize = 8;

/// A read file's parts, all of them within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The checksum field, four bytes.
    pub checksum: Range<usize>,
    /// The certificate table's entry in the data directory, eight bytes.
    pub entry: Range<usize>,
    /// Where the certificate table begins: the file's end where there is none.
    pub content_end: usize,
    /// Whether there is one.
    pub signed: bool,
}

impl Layout {
    /// Reads the headers.
    ///
    /// The document digests section by section in file order and then what follows; that is the
    /// file from start to end if sections neither overlap nor leave gaps nor leave the file. A file
    /// for which the two differ is refused.
    pub fn of(file: &[u8]) -> Result<Self> {
        let magic = u32::from(u16_at(file, 0, "the DOS header")?);
        expect("its DOS signature", magic, 0x5a4d)?;
        let headers = u32_at(file, NT_HEADERS, "the DOS header")? as usize;
        expect("its PE signature", u32_at(file, headers, "the PE header")?, 0x4550)?;

        let sections = u16_at(file, headers + FILE_HEADER + 2, "the file header")?;
        let optional_size =
            usize::from(u16_at(file, headers + FILE_HEADER + 16, "the file header")?);
        let optional = headers + OPTIONAL_HEADER;
        let magic = u16_at(file, optional, "the optional header")?;
        let directory = match magic {
            0x10b => optional + 96,
            0x20b => optional + 112,
            _ => return Err(Error::Magic { what: "its optional header", found: magic.into() }),
        };
        let entries = u32_at(file, directory - 4, "the data directory")? as usize;
        let entry = directory + SECURITY * ENTRY;
        if entries <= SECURITY || entry + ENTRY > optional + optional_size {
            return Err(short(file, "the directory entry of the certificate table"));
        }
        let offset = u32_at(file, entry, "the data directory")?;
        let size = u32_at(file, entry + 4, "the data directory")?;
        let signed = offset != 0 || size != 0;
        let content_end = if signed { table(file, offset, size)? } else { file.len() };

        let table = optional + optional_size;
        let table_end = table + usize::from(sections) * SECTION;
        let headers_end = u32_at(file, optional + 60, "the optional header")? as usize;
        if table_end > headers_end || headers_end > content_end {
            return Err(short(file, "the end of the headers"));
        }
        contiguous(file, table, usize::from(sections), headers_end, content_end)?;
        let checksum = optional + CHECKSUM..optional + CHECKSUM + 4;
        Ok(Self { checksum, entry: entry..entry + ENTRY, content_end, signed })
    }

    /// What the digest covers, in order.
    pub fn digested<'a>(&self, file: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        [
            0..self.checksum.start,
            self.checksum.end..self.entry.start,
            self.entry.end..self.content_end,
        ]
        .into_iter()
        .map(|range| file.get(range).unwrap_or_default())
    }

    /// The zeros that are added before the table, which the digest covers.
    pub fn padding(&self) -> &'static [u8] {
        const ZEROS: [u8; ALIGNMENT] = [0; ALIGNMENT];
        let more = self.content_end.next_multiple_of(ALIGNMENT) - self.content_end;
        ZEROS.get(..more).unwrap_or_default()
    }
}

/// Where the table begins, if it ends where the file ends.
fn table(file: &[u8], offset: u32, size: u32) -> Result<usize> {
    let start = offset as usize;
    let whole = size as usize >= ALIGNMENT
        && start.is_multiple_of(ALIGNMENT)
        && start.checked_add(size as usize) == Some(file.len());
    if whole { Ok(start) } else { Err(Error::Table { offset, size }) }
}

/// Checks that the sections' data lie one after another, from the headers on.
fn contiguous(
    file: &[u8],
    table: usize,
    count: usize,
    headers_end: usize,
    content_end: usize,
) -> Result<()> {
    let mut found = Vec::new();
    for index in 0..count {
        let at = table + index * SECTION;
        let size = u64::from(u32_at(file, at + 16, "the section table")?);
        let start = u64::from(u32_at(file, at + 20, "the section table")?);
        if size != 0 {
            found.push((start, start + size, index));
        }
    }
    found.sort_unstable();
    let mut next = headers_end as u64;
    for (start, end, index) in found {
        if start != next || end > content_end as u64 {
            return Err(Error::Section { index, start, end });
        }
        next = end;
    }
    Ok(())
}

fn expect(what: &'static str, found: u32, expected: u32) -> Result<()> {
    if found == expected { Ok(()) } else { Err(Error::Magic { what, found }) }
}

fn short(file: &[u8], what: &'static str) -> Error {
    Error::Short { what, length: file.len() }
}

fn bytes_at<const N: usize>(file: &[u8], at: usize, what: &'static str) -> Result<[u8; N]> {
    let end = at.checked_add(N).ok_or_else(|| short(file, what))?;
    let bytes = file.get(at..end).ok_or_else(|| short(file, what))?;
    bytes.try_into().map_err(|_| short(file, what))
}

/// A number of the file; `what` is for the error.
pub fn u16_at(file: &[u8], at: usize, what: &'static str) -> Result<u16> {
    bytes_at(file, at, what).map(u16::from_le_bytes)
}

/// A number of the file; `what` is for the error.
pub fn u32_at(file: &[u8], at: usize, what: &'static str) -> Result<u32> {
    bytes_at(file, at, what).map(u32::from_le_bytes)
}
