//! The functions of a driver: by its PDB, or else by its exception directory.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use object::Object;
use object::read::pe::PeFile64;
use pdb_addr2line::pdb::PDB;
use pdb_addr2line::{ContextPdbData, TypeFormatterFlags};

use super::Section;

/// A function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// RVA of its first byte.
    pub rva: u32,
    /// How many it has.
    pub bytes: u32,
}

/// The functions of the image in `file`, which lies at `path`, and whether a PDB beside it names
/// them. Where there is none of this very image, they are named by their RVA, and those that use no
/// stack are missing.
#[must_use]
pub fn functions(path: &Path, file: &[u8], sections: &[Section]) -> (Vec<Function>, bool) {
    match by_pdb(path, file) {
        Some(found) => (bounded(found, sections), true),
        None => (by_exceptions(file).unwrap_or_default(), false),
    }
}

/// Start, end where it is known, and name.
type Found = BTreeMap<u32, (Option<u32>, String)>;

fn by_pdb(path: &Path, file: &[u8]) -> Option<Found> {
    let wanted = PeFile64::parse(file).ok()?.pdb_info().ok()??.guid();
    let mut pdb = PDB::open(File::open(path.with_extension("pdb")).ok()?).ok()?;
    if pdb.pdb_information().ok()?.guid.to_bytes_le() != wanted {
        return None;
    }
    let data = ContextPdbData::try_from_pdb(pdb).ok()?;
    let names = TypeFormatterFlags::NO_FUNCTION_RETURN
        | TypeFormatterFlags::NO_ARGUMENTS
        | TypeFormatterFlags::NAME_ONLY;
    let context = data.make_context_with_formatter_flags(names).ok()?;
    let functions = context.functions().map(|function| {
        let name = function.name.unwrap_or_else(|| format!("{:#x}", function.start_rva));
        (function.start_rva, (function.end_rva, name))
    });
    Some(functions.collect())
}

/// Gives those whose end is not known one: the next function's start, or the section's end.
fn bounded(found: Found, sections: &[Section]) -> Vec<Function> {
    let starts: Vec<u32> = found.keys().copied().collect();
    let next = |rva: u32| starts.iter().copied().find(|&start| start > rva).unwrap_or(u32::MAX);
    let section_end = |rva: u32| {
        let section = sections.iter().find(|section| section.range().contains(&rva));
        section.map_or(rva, |section| section.range().end)
    };
    let function = |(rva, (end, name)): (u32, (Option<u32>, String))| {
        let end = end.unwrap_or(u32::MAX).min(next(rva)).min(section_end(rva));
        Function { name, rva, bytes: end.saturating_sub(rva) }
    };
    found.into_iter().map(function).filter(|function| function.bytes > 0).collect()
}

fn by_exceptions(file: &[u8]) -> Option<Vec<Function>> {
    let image = PeFile64::parse(file).ok()?;
    let directory = image.data_directory(object::pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION)?;
    let bytes = directory.data(file, &image.section_table()).ok()?;
    let function = |entry: &[u8]| {
        let word = |at: usize| entry.get(at..)?.first_chunk().copied().map(u32::from_le_bytes);
        let (begin, end) = (word(0)?, word(4)?);
        let bytes = end.checked_sub(begin)?;
        Some(Function { name: format!("{begin:#x}"), rva: begin, bytes })
    };
    Some(bytes.chunks_exact(12).filter_map(function).collect())
}
