//! What a DLL of Wine exports, and which of its entries only end the process.
//!
//! Wine exports every routine that Windows has; for one that it does not implement the entry ends
//! the process with the words "unimplemented function DLL.Name". To say so, the entry begins with
//! loading the addresses of both names, and by that it is known here.

use std::collections::BTreeMap;

use object::read::pe::{ExportTarget, PeFile64};
use object::{LittleEndian as LE, ReadRef as _};

use crate::error::{Error, Result};

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Code, data, or what another DLL exports.
    Real,
    /// An entry that ends the process.
    Stub,
}

/// The exports of a DLL by name.
#[derive(Debug, Default)]
pub struct Exports(BTreeMap<String, Entry>);

impl Exports {
    /// Of a DLL's file. `path` is for the error only.
    pub fn of(file: &[u8], path: &std::path::Path) -> Result<Self> {
        let broken = |why: String| Error::NotAnImage { path: path.to_owned(), why };
        let image = PeFile64::parse(file).map_err(|error| broken(error.to_string()))?;
        let directory = image
            .export_table()
            .map_err(|error| broken(error.to_string()))?
            .ok_or_else(|| broken("it exports nothing".to_owned()))?;
        let exports = directory.exports().map_err(|error| broken(error.to_string()))?;
        let memory = Memory { file, image: &image };
        let mut names = BTreeMap::new();
        for export in exports {
            let Some(name) = export.name else { continue };
            let stub = match export.target {
                ExportTarget::Address(rva) => memory.is_stub(rva, name),
                _ => false,
            };
            let entry = if stub { Entry::Stub } else { Entry::Real };
            names.insert(String::from_utf8_lossy(name).into_owned(), entry);
        }
        Ok(Self(names))
    }

    /// What this name stands for, if there is such an export.
    pub fn get(&self, name: &str) -> Option<Entry> {
        self.0.get(name).copied()
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    #[cfg(test)]
    pub fn from_names(entries: &[(&str, Entry)]) -> Self {
        Self(entries.iter().map(|&(name, entry)| (name.to_owned(), entry)).collect())
    }
}

/// An image as its loader would see it.
struct Memory<'file> {
    file: &'file [u8],
    image: &'file PeFile64<'file>,
}

impl Memory<'_> {
    /// Whether the entry begins with `sub rsp, n`, `lea rcx, [DLL]`, `lea rdx, [its own name]`.
    fn is_stub(&self, rva: u32, name: &[u8]) -> bool {
        /// Where the instruction after the second `lea` is.
        const NEXT: u32 = 18;
        let Some(code) = self.at(rva).and_then(|bytes| bytes.first_chunk::<18>()) else {
            return false;
        };
        let [0x48, 0x83, 0xec, _, 0x48, 0x8d, 0x0d, _, _, _, _, 0x48, 0x8d, 0x15, d @ ..] = code
        else {
            return false;
        };
        let loaded = rva.wrapping_add(NEXT).wrapping_add_signed(i32::from_le_bytes(*d));
        self.at(loaded).is_some_and(|text| {
            text.strip_prefix(name).is_some_and(|rest| rest.first() == Some(&0))
        })
    }

    /// The bytes from an address on, to the end of its section.
    fn at(&self, rva: u32) -> Option<&[u8]> {
        let section = self.image.section_table().section_containing(rva)?;
        let into = rva.checked_sub(section.virtual_address.get(LE))?;
        let left = section.size_of_raw_data.get(LE).checked_sub(into)?;
        let offset = section.pointer_to_raw_data.get(LE).checked_add(into)?;
        self.file.read_bytes_at(u64::from(offset), u64::from(left)).ok()
    }
}
