//! Names and places of code: a driver's from the PDB beside it, the machine's own from its file.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Cursor;
use std::path::Path;

use object::Object;
use object::read::pe::PeFile64;
use pdb_addr2line::pdb::{PDB, Source};
use pdb_addr2line::{ContextPdbData, TypeFormatterFlags};

use super::stack::HostModules;
use crate::image::Image;

/// What is known of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Located {
    pub(super) function: Option<String>,
    /// `file:line`
    pub(super) source: Option<String>,
}

/// Whether PDBs are looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pdbs {
    /// They may be broken, and their reader may panic.
    Closed,
    /// They are.
    Read,
}

/// See the module.
pub(super) struct Symbols<'a> {
    host: &'a mut HostModules,
    pdbs: Pdbs,
    /// By the image's path. `None` of an image without a PDB of its own.
    drivers: HashMap<String, Option<ContextPdbData<'static, 'static, File>>>,
}

impl<'a> Symbols<'a> {
    pub(super) fn new(host: &'a mut HostModules, pdbs: Pdbs) -> Self {
        Self { host, pdbs, drivers: HashMap::new() }
    }

    /// Of an address in a driver.
    pub(super) fn in_image(&mut self, image: &Image, rva: u32) -> Located {
        if self.pdbs == Pdbs::Closed {
            return Located::default();
        }
        let key = image.path().display().to_string();
        let data = self.drivers.entry(key).or_insert_with(|| open(image.path()));
        data.as_ref().and_then(|data| locate(data, rva)).unwrap_or_default()
    }

    /// Of an address in the machine's own code.
    pub(super) fn in_host(&mut self, address: u64) -> Located {
        Located { function: self.host.function(address), source: None }
    }
}

/// The PDB beside an image, parsed.
fn open(image: &Path) -> Option<ContextPdbData<'static, 'static, File>> {
    ContextPdbData::try_from_pdb(pdb_beside(image)?).ok()
}

/// The PDB beside an image, if it is the very one that was made with it.
pub(crate) fn pdb_beside(image: &Path) -> Option<PDB<'static, File>> {
    let bytes = fs::read(image).ok()?;
    let wanted = PeFile64::parse(&*bytes).ok()?.pdb_info().ok()??.guid();
    let mut pdb = PDB::open(File::open(image.with_extension("pdb")).ok()?).ok()?;
    let found = pdb.pdb_information().ok()?.guid.to_bytes_le();
    (found == wanted).then_some(pdb)
}

/// What a PDB says of an address in its image: function, then `file:line`. Nothing where it is no
/// PDB, or a broken one.
#[must_use]
pub fn in_pdb(pdb: &[u8], rva: u32) -> Option<(Option<String>, Option<String>)> {
    let pdb = PDB::open(Cursor::new(pdb)).ok()?;
    let Located { function, source } = locate(&ContextPdbData::try_from_pdb(pdb).ok()?, rva)?;
    Some((function, source))
}

fn locate<'s, S>(data: &ContextPdbData<'_, 's, S>, rva: u32) -> Option<Located>
where
    S: Source<'s> + Send + 's,
{
    // Names without types: a stack is read for who called whom.
    let names = TypeFormatterFlags::NO_FUNCTION_RETURN
        | TypeFormatterFlags::NO_ARGUMENTS
        | TypeFormatterFlags::NAME_ONLY;
    let context = data.make_context_with_formatter_flags(names).ok()?;
    let mut frames = context.find_frames(rva).ok()??.frames;
    // The innermost inlined function comes first. If that is of Rust's own library, the driver's
    // function it was inlined into says more.
    let is_own = |file: Option<&str>| file.is_some_and(|file| !file.starts_with("/rustc/"));
    let own = frames.iter().position(|frame| is_own(frame.file.as_deref()));
    if frames.is_empty() {
        return None;
    }
    let frame = frames.swap_remove(own.unwrap_or(0));
    let source = frame.file.map(|file| match frame.line {
        Some(line) => format!("{file}:{line}"),
        None => file.into_owned(),
    });
    Some(Located { function: frame.function, source })
}
