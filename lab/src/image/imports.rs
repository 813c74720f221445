//! Binding imports (learn.microsoft.com/windows/win32/debug/pe-format, ".idata Section").

use super::Image;
use super::bytes::Bytes;
use super::error::{LoadError, MissingImport, Part};
use super::headers::Directory;
use crate::exports;
use crate::verifier::intercept;

const DESCRIPTOR: u64 = 20;
const BY_ORDINAL: u64 = 1 << 63;

/// More than any driver imports: what bounds a table that does not end.
const MOST_IMPORTS: usize = 1 << 16;

/// Fills the import address tables of `image`.
pub(super) fn bind(image: &mut [u8], directory: Directory) -> Result<(), LoadError> {
    let mut missing = Vec::new();
    let mut bound = Vec::new();
    let mut descriptor = u64::from(directory.rva);
    loop {
        let bytes = Bytes::new(image, Part::Imports);
        let names = bytes.u32(descriptor)?;
        let dll = bytes.u32(descriptor + 12)?;
        let addresses = bytes.u32(descriptor + 16)?;
        if dll == 0 && addresses == 0 {
            break;
        }
        let dll = bytes.string(dll.into())?;
        // Old linkers make one table serve as both.
        let names = if names == 0 { addresses } else { names };
        bind_one(bytes, &dll, names, addresses, &mut bound, &mut missing)?;
        descriptor += DESCRIPTOR;
    }
    if !missing.is_empty() {
        return Err(LoadError::MissingImports { missing });
    }
    for (slot, address) in bound {
        image[slot..][..8].copy_from_slice(&(address as u64).to_le_bytes());
    }
    Ok(())
}

fn bind_one(
    bytes: Bytes<'_>,
    dll: &str,
    names: u32,
    addresses: u32,
    bound: &mut Vec<(usize, usize)>,
    missing: &mut Vec<MissingImport>,
) -> Result<(), LoadError> {
    let provider = Provider::find(dll);
    for index in 0.. {
        let import = bytes.u64(u64::from(names) + 8 * index)?;
        if import == 0 {
            break;
        }
        let dll = dll.to_owned();
        if import & BY_ORDINAL != 0 {
            return Err(LoadError::Ordinal { dll, ordinal: import as u16 });
        }
        let slot = u64::from(addresses) + 8 * index;
        bytes.slice(slot, 8)?;
        if bound.len() + missing.len() >= MOST_IMPORTS {
            return Err(LoadError::OutOfBounds { part: Part::Imports, offset: slot, bytes: 8 });
        }
        // Two bytes of hint precede the name.
        let name = bytes.string(import.saturating_add(2))?;
        match provider.resolve(&name) {
            Some(address) => bound.push((slot as usize, address)),
            None => missing.push(MissingImport { dll, name, dll_loaded: provider.is_loaded() }),
        }
    }
    Ok(())
}

/// Who provides imports.
enum Provider {
    Kernel,
    Driver(&'static Image),
    Nobody,
}

impl Provider {
    fn find(dll: &str) -> Self {
        if exports::is_kernel(dll) {
            return Self::Kernel;
        }
        super::by_name(dll).map_or(Self::Nobody, Self::Driver)
    }

    fn resolve(&self, name: &str) -> Option<usize> {
        match self {
            Self::Kernel => exports::resolve(exports::KERNEL, name)
                .map(|address| intercept::entry(name, address)),
            Self::Driver(image) => image.export(name),
            Self::Nobody => None,
        }
    }

    fn is_loaded(&self) -> bool {
        !matches!(self, Self::Nobody)
    }
}
