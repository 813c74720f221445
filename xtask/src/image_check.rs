//! The rules for a driver's image, and `cargo xtask check-image`.
//!
//! A linker other than Microsoft's leaves several of them to chance; breaking one shows only when
//! Windows refuses the file, or worse, when it does not.

mod panics;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use object::LittleEndian as LE;
use object::pe;
use object::read::pe::{
    ImageNtHeaders as _, ImageOptionalHeader as _, Import, ImportTable, PeFile64,
};

use crate::error::{Error, Result};
use crate::fs;
use crate::pe as places;

/// What differs from image to image.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The only DLLs it may import from, in lower case.
    imports: &'static [&'static str],
    /// Beginnings of the names that it must not import.
    forbidden: &'static [&'static str],
    /// Whether it must have code that is thrown away and code that may be paged out.
    pageable: bool,
    /// Whether it may panic.
    panics: bool,
}

/// Rules for `pagewise.sys`. It allocates nothing and has no way to panic: both would be seen here.
pub const DRIVER: Rules = Rules {
    imports: &["ntoskrnl.exe", "wdfldr.sys"],
    forbidden: &["ExAllocatePool", "ExFreePool"],
    pageable: true,
    panics: false,
};
/// Rules for `pagewise.sys` broken on purpose.
pub const TWIN: Rules = Rules { forbidden: &[], panics: true, ..DRIVER };
/// Rules for `wdfldr.sys`.
pub const FRAMEWORK: Rules =
    Rules { imports: &["ntoskrnl.exe"], forbidden: &[], pageable: false, panics: true };

/// Rules for `exercise.sys`, which only tests use.
pub const EXERCISE: Rules = Rules {
    imports: &["ntoskrnl.exe", "wdfldr.sys"],
    forbidden: &[],
    pageable: false,
    panics: true,
};

/// Rules for the guests, which only tests use.
pub const GUEST: Rules = EXERCISE;

/// Sections that compilers leave behind for a loader that patches retpolines, which a driver's
/// image does not have.
const LEFTOVERS: &[&str] = &[".retplne"];

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// It is not for the kernel.
    #[error("subsystem is {found}, not 1 (native): link with /SUBSYSTEM:NATIVE")]
    Subsystem {
        /// The number in the header.
        found: u16,
    },
    /// It is not for x64.
    #[error("machine is {found:#06x}, not 0x8664 (x64)")]
    Machine {
        /// The number in the header.
        found: u16,
    },
    /// It imports what a driver must not.
    #[error("imports {names} names from {dll}, the first of them {first}")]
    Import {
        /// The DLL.
        dll: String,
        /// How many names.
        names: usize,
        /// One of them.
        first: String,
    },
    /// It imports a routine that its design has no use for.
    #[error("imports {name} from {dll}: it is not supposed to allocate")]
    Allocates {
        /// The DLL.
        dll: String,
        /// The routine.
        name: String,
    },
    /// A way to panic was linked.
    #[error("a panic can be reached: {function} was linked")]
    Panics {
        /// The function.
        function: String,
    },
    /// The PDB that tells what was linked is not beside the image, or cannot be read.
    #[error("no PDB to look for panics in: {why}")]
    UnreadablePdb {
        /// Why not.
        why: String,
    },
    /// The checksum is wrong; Windows refuses a driver for that.
    #[error("checksum is {stored:#010x}, should be {computed:#010x}: link with /RELEASE")]
    Checksum {
        /// In the header.
        stored: u32,
        /// Of the content.
        computed: u32,
    },
    /// Code that can be changed: forbidden under memory integrity (HVCI).
    #[error("section {section} is writable and executable ({characteristics:#010x})")]
    WritableCode {
        /// Its name.
        section: String,
        /// Its flags.
        characteristics: u32,
    },
    /// A resident section that does not say so.
    #[error(
        "section {section} is resident and lacks IMAGE_SCN_MEM_NOT_PAGED ({characteristics:#010x})"
    )]
    ResidentUnmarked {
        /// Its name.
        section: String,
        /// Its flags.
        characteristics: u32,
    },
    /// A pageable section that says it is resident.
    #[error(
        "section {section} is pageable and has IMAGE_SCN_MEM_NOT_PAGED ({characteristics:#010x})"
    )]
    PageableMarked {
        /// Its name.
        section: String,
        /// Its flags.
        characteristics: u32,
    },
    /// Nothing is pageable by link.
    #[error("no section's name begins with PAGE")]
    NothingPageable,
    /// Nothing is thrown away after `DriverEntry`.
    #[error("there is no section INIT")]
    NoInit,
    /// `INIT` stays for good.
    #[error(
        "section INIT is not discardable ({characteristics:#010x}): link with /SECTION:INIT,ERD"
    )]
    InitStays {
        /// Its flags.
        characteristics: u32,
    },
    /// It can only run where it was linked for.
    #[error("relocations are missing (characteristics {characteristics:#06x}, {bytes} bytes)")]
    NoRelocations {
        /// Of the file header.
        characteristics: u16,
        /// In the relocation directory.
        bytes: u32,
    },
    /// A section that does not belong into a driver.
    #[error("section {section} ({bytes} bytes) is a leftover of the compiler")]
    Leftover {
        /// Its name.
        section: String,
        /// Its size.
        bytes: u32,
    },
    /// A folder of the machine that it was built on.
    #[error("at {offset:#x}: {text:?}, a folder of the machine it was built on")]
    PrivatePath {
        /// Where in the file.
        offset: usize,
        /// What is there.
        text: String,
    },
    /// The debug directory names a folder.
    #[error(
        "the debug directory says {path:?}, not just the name of the PDB: link with /PDBALTPATH:%_PDB%"
    )]
    PdbPath {
        /// What it says.
        path: String,
    },
    /// There is no debug directory to find the PDB by.
    #[error("there is no debug directory: link with /DEBUG")]
    NoPdb,
}

/// What the user can say.
#[derive(clap::Args)]
pub struct Arguments {
    /// The images.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Judge them as the framework (wdfldr.sys), which imports nothing but the kernel and need not
    /// be pageable. Without this, a file named wdfldr.* is judged so.
    #[arg(long)]
    framework: bool,
}

/// `cargo xtask check-image`.
pub fn run(arguments: &Arguments) -> Result<()> {
    for file in &arguments.files {
        let framework = arguments.framework
            || file.file_stem().is_some_and(|stem| stem.eq_ignore_ascii_case("wdfldr"));
        check(file, if framework { FRAMEWORK } else { DRIVER }, &private_folders())?;
        println!("{}: obeys all rules", file.display());
    }
    Ok(())
}

fn private_folders() -> Vec<String> {
    let home = std::env::var("HOME").ok().filter(|home| home.len() > 1);
    let workspace = crate::workspace::Workspace::this().root().to_string_lossy().into_owned();
    [workspace, "/usr/src".to_owned(), "/usr/lib/rustlib".to_owned()]
        .into_iter()
        .chain(home)
        .collect()
}

/// Checks a file; it must not hold the name of any of `folders`.
pub fn check(path: &Path, rules: Rules, folders: &[String]) -> Result<()> {
    let file = fs::read(path)?;
    let mut violations = violations(&file, rules, folders)
        .map_err(|error| Error::NotAnImage { path: path.to_owned(), why: error.to_string() })?;
    if !rules.panics {
        violations.extend(panicking(&path.with_extension("pdb")));
    }
    if violations.is_empty() {
        return Ok(());
    }
    Err(Error::BadImage { path: path.to_owned(), violations })
}

/// The ways to panic that a PDB knows of.
fn panicking(pdb: &Path) -> Vec<Violation> {
    let functions = fs::read(pdb)
        .map_err(|error| error.to_string())
        .and_then(|file| panics::linked(&file).map_err(|error| error.to_string()));
    match functions {
        Ok(functions) => {
            functions.into_iter().map(|function| Violation::Panics { function }).collect()
        }
        Err(why) => vec![Violation::UnreadablePdb { why }],
    }
}

/// The rules that a file breaks.
pub fn violations(
    file: &[u8],
    rules: Rules,
    folders: &[String],
) -> std::result::Result<Vec<Violation>, object::Error> {
    let image = PeFile64::parse(file)?;
    let mut found = Vec::new();
    headers(file, &image, &mut found)?;
    sections(&image, rules, &mut found);
    imports(&image, rules, &mut found)?;
    debug_directory(&image, &mut found)?;
    private_paths(file, folders, &mut found);
    Ok(found)
}

fn headers(
    file: &[u8],
    image: &PeFile64<'_>,
    found: &mut Vec<Violation>,
) -> std::result::Result<(), object::Error> {
    let header = image.nt_headers().file_header;
    let machine = header.machine.get(LE);
    if machine != pe::IMAGE_FILE_MACHINE_AMD64 {
        found.push(Violation::Machine { found: machine });
    }
    let subsystem = image.nt_headers().optional_header().subsystem();
    if subsystem != pe::IMAGE_SUBSYSTEM_NATIVE {
        found.push(Violation::Subsystem { found: subsystem });
    }

    let stored = image.nt_headers().optional_header().check_sum();
    let computed = places::checksum(file, places::checksum_offset(file)?);
    if stored != computed {
        found.push(Violation::Checksum { stored, computed });
    }

    let characteristics = header.characteristics.get(LE);
    let directory = image.data_directory(pe::IMAGE_DIRECTORY_ENTRY_BASERELOC);
    let bytes = directory.map_or(0, |directory| directory.size.get(LE));
    if characteristics & pe::IMAGE_FILE_RELOCS_STRIPPED != 0 || bytes == 0 {
        found.push(Violation::NoRelocations { characteristics, bytes });
    }
    Ok(())
}

fn sections(image: &PeFile64<'_>, rules: Rules, found: &mut Vec<Violation>) {
    let mut pageable = false;
    let mut init = false;
    for header in image.section_table().iter() {
        let section = places::name(header);
        let characteristics = header.characteristics.get(LE);
        let has = |flags: u32| characteristics & flags == flags;
        pageable |= section.starts_with("PAGE");
        init |= section == "INIT";
        if section == "INIT" && !has(pe::IMAGE_SCN_MEM_DISCARDABLE) {
            found.push(Violation::InitStays { characteristics });
        }
        if LEFTOVERS.contains(&section.as_str()) {
            let bytes = header.virtual_size.get(LE);
            found.push(Violation::Leftover { section: section.clone(), bytes });
        }
        if has(pe::IMAGE_SCN_MEM_WRITE | pe::IMAGE_SCN_MEM_EXECUTE) {
            found.push(Violation::WritableCode { section: section.clone(), characteristics });
        }
        match (places::is_resident(&section, characteristics), has(places::NOT_PAGED)) {
            (true, false) => found.push(Violation::ResidentUnmarked { section, characteristics }),
            (false, true) => found.push(Violation::PageableMarked { section, characteristics }),
            _ => {}
        }
    }
    if rules.pageable && !pageable {
        found.push(Violation::NothingPageable);
    }
    if rules.pageable && !init {
        found.push(Violation::NoInit);
    }
}

fn imports(
    image: &PeFile64<'_>,
    rules: Rules,
    found: &mut Vec<Violation>,
) -> std::result::Result<(), object::Error> {
    let Some(table) = image.import_table()? else {
        return Ok(());
    };
    let mut descriptors = table.descriptors()?;
    while let Some(descriptor) = descriptors.next()? {
        let dll = String::from_utf8_lossy(table.name(descriptor.name.get(LE))?).into_owned();
        let names = imported(&table, descriptor.original_first_thunk.get(LE))?;
        if !rules.imports.contains(&dll.to_ascii_lowercase().as_str()) {
            let first = names.first().cloned().unwrap_or_default();
            found.push(Violation::Import { dll, names: names.len(), first });
            continue;
        }
        for name in names {
            if rules.forbidden.iter().any(|beginning| name.starts_with(beginning)) {
                found.push(Violation::Allocates { dll: dll.clone(), name });
            }
        }
    }
    Ok(())
}

/// What one descriptor imports.
fn imported(
    table: &ImportTable<'_>,
    thunks: u32,
) -> std::result::Result<Vec<String>, object::Error> {
    let mut thunks = table.thunks(thunks)?;
    let mut names = Vec::new();
    while let Some(thunk) = thunks.next::<pe::ImageNtHeaders64>()? {
        names.push(match table.import::<pe::ImageNtHeaders64>(thunk)? {
            Import::Ordinal(ordinal) => format!("#{ordinal}"),
            Import::Name(_, name) => String::from_utf8_lossy(name).into_owned(),
        });
    }
    Ok(names)
}

fn debug_directory(
    image: &PeFile64<'_>,
    found: &mut Vec<Violation>,
) -> std::result::Result<(), object::Error> {
    use object::Object as _;
    let Some(pdb) = image.pdb_info()? else {
        found.push(Violation::NoPdb);
        return Ok(());
    };
    let path = String::from_utf8_lossy(pdb.path()).into_owned();
    if path.contains(['/', '\\', ':']) {
        found.push(Violation::PdbPath { path });
    }
    Ok(())
}

/// Folders appear in panic messages and debug records, as bytes or as UTF-16.
fn private_paths(file: &[u8], folders: &[String], found: &mut Vec<Violation>) {
    for folder in folders {
        let wide: Vec<u8> = folder.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for needle in [folder.as_bytes(), &wide] {
            if needle.is_empty() {
                continue;
            }
            if let Some(offset) = file.windows(needle.len()).position(|window| window == needle) {
                found.push(Violation::PrivatePath { offset, text: text_at(file, offset) });
            }
        }
    }
}

/// The printable text that begins at an offset.
fn text_at(file: &[u8], offset: usize) -> String {
    const LONGEST: usize = 120;
    let bytes = file.get(offset..).unwrap_or_default();
    let printable = bytes.iter().take(LONGEST).take_while(|byte| (0x20..0x7f).contains(*byte));
    printable.map(|&byte| char::from(byte)).collect()
}
