//! What a debugger of the host needs to see a driver as its author wrote it.
//!
//! Debuggers on Linux do not read PDBs well: gdb not at all, lldb 14 crashes on those of Rust. So the
//! functions, the lines and the unwind information of an image are written once more, as an ELF file
//! with DWARF in it: nothing but symbols, at addresses counted from the image base.

mod dwarf;
mod elf;
mod frames;
mod pdb;
pub mod script;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use object::read::pe::PeFile64;
use object::{Object, ObjectSection};

/// Why there is no symbol file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The image cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The image.
        path: PathBuf,
        /// What the host says.
        source: io::Error,
    },
    /// It is no image.
    #[error("{path} is no image of a 64-bit driver: {source}")]
    Image {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: object::read::Error,
    },
    /// It has more than fits the file.
    #[error("the symbols of {path} cannot be written: {why}")]
    Write {
        /// The image.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// A section of an image, as far as debuggers care.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    name: String,
    rva: u32,
    size: u32,
    executable: bool,
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Function {
    name: String,
    begin: u32,
    end: u32,
}

/// Code that a source line was compiled to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    begin: u32,
    end: u32,
    /// Index of the file's name.
    file: usize,
    line: u32,
}

/// What a PDB says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Symbols {
    functions: Vec<Function>,
    lines: Vec<Line>,
    files: Vec<String>,
}

/// The ELF file of symbols of the image at `path`: of its functions and lines where the PDB that was
/// made with it lies beside it, else as [`frame_file`]. A broken PDB may panic its reader.
///
/// # Errors
/// [`Error`]
pub fn symbol_file(path: &Path) -> Result<Vec<u8>, Error> {
    file_of(path, &pdb::symbols(path).unwrap_or_default())
}

/// The same without names: of how to unwind the image's frames only.
///
/// # Errors
/// [`Error`]
pub fn frame_file(path: &Path) -> Result<Vec<u8>, Error> {
    file_of(path, &Symbols::default())
}

fn file_of(path: &Path, symbols: &Symbols) -> Result<Vec<u8>, Error> {
    let file = fs::read(path).map_err(|source| Error::Read { path: path.into(), source })?;
    let image =
        PeFile64::parse(&*file).map_err(|source| Error::Image { path: path.into(), source })?;
    let base = image.relative_address_base();
    let sections = sections(&image, base);
    let mapped = mapped(&file, &image, base);
    let written = |why: String| Error::Write { path: path.into(), why };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let debug = dwarf::sections(&name, symbols, &mapped).map_err(|it| written(it.to_string()))?;
    elf::file(&sections, symbols, &debug).map_err(|it| written(it.to_string()))
}

fn sections(image: &PeFile64<'_>, base: u64) -> Vec<Section> {
    const EXECUTE: u32 = object::pe::IMAGE_SCN_MEM_EXECUTE;
    image
        .sections()
        .filter_map(|section| {
            let characteristics = match section.flags() {
                object::SectionFlags::Coff { characteristics } => characteristics,
                _ => 0,
            };
            Some(Section {
                name: section.name().ok()?.to_owned(),
                rva: u32::try_from(section.address().checked_sub(base)?).ok()?,
                size: u32::try_from(section.size()).ok()?,
                executable: characteristics & EXECUTE != 0,
            })
        })
        .collect()
}

/// The most bytes of a mapped image that are believed.
const LARGEST: usize = 256 << 20;

/// The image as it is mapped, as far as its file goes.
fn mapped(file: &[u8], image: &PeFile64<'_>, base: u64) -> Vec<u8> {
    let headers = file.len().min(pagewise_contract::PAGE_SIZE);
    let mut mapped = file[..headers].to_vec();
    for section in image.sections() {
        let Ok(content) = section.data() else { continue };
        let start = section.address().saturating_sub(base) as usize;
        let Some(end) = start.checked_add(content.len()).filter(|&end| end <= LARGEST) else {
            continue;
        };
        if mapped.len() < end {
            mapped.resize(end, 0);
        }
        mapped[start..end].copy_from_slice(content);
    }
    mapped
}

#[cfg(test)]
mod tests;
