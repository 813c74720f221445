//! Builds what stands in for DLLs of Wine: `ntoskrnl.exe`, which hands on all that Wine's own
//! exports and adds what that lacks, and `bcryptprimitives.dll`.
//!
//! Wine's own kernel comes along under another name, copied out of the user's own Wine.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::exports::Exports;
use super::routines::{ROUTINES, Routine, Source};
use crate::build;
use crate::error::Result;
use crate::fs;
use crate::kit::Kit;
use crate::link;
use crate::setup;
use crate::workspace::Workspace;

/// What Wine's own kernel is called beside ours, without its extension.
const WINES: &str = "ntwine";

/// Where the sources are.
const SOURCES: &str = "lab/wine";
/// Those of the kernel.
const KERNEL: [&str; 2] = ["ntoskrnl/driver_extension.c", "ntoskrnl/section_lock.c"];
/// Those of the DLL for programs.
const PRIMITIVES: &str = "bcryptprimitives.c";
/// Which DLLs they call, and what in them.
const LIBRARIES: [&str; 3] = ["advapi32.def", "ntdll.def", "ntwine.def"];

/// How the DLLs are linked. The base is out of the way of the drivers': an image at the place that
/// a driver was linked for would move the driver.
const FLAGS: [&str; 7] = [
    "/NOLOGO",
    "/DLL",
    "/NODEFAULTLIB",
    "/NOENTRY",
    "/MACHINE:X64",
    "/BASE:0x6ff000000",
    "/OPT:REF",
];

/// By these bytes behind the DOS header Wine knows a DLL of its own, which it then looks for by
/// name.
const MARK: &[u8; 16] = b"Wine builtin DLL";
/// Where they are.
const MARK_AT: usize = 0x40;

/// What all this is made of, for a name of the result.
pub fn digest(workspace: &Workspace) -> Result<Sha256> {
    let mut hash = Sha256::new();
    hash.update(format!("{ROUTINES:?} {FLAGS:?} {WINES}"));
    for file in fs::files_below(&workspace.root().join(SOURCES))? {
        hash.update(file.to_string_lossy().as_bytes());
        hash.update(fs::read(&file)?);
    }
    Ok(hash)
}

/// Puts the DLLs into a prefix's `system32`, `wine` being what its own kernel exports.
pub fn place(workspace: &Workspace, system32: &Path, wine: &Exports) -> Result<()> {
    let _lock = build::lock(&workspace.kit())?;
    setup::provide(setup::DRIVERS)?;
    let kit = Kit::prepare(workspace)?;
    let folder = workspace.root().join("target/wine/shim");
    fs::create_dir(&folder)?;
    let sources = workspace.root().join(SOURCES);
    let mut libraries = Vec::new();
    for name in LIBRARIES {
        let library = folder.join(name).with_extension("lib");
        kit.import_library(&sources.join(name), &library)?;
        libraries.push(library);
    }
    let compile = |name: &str| kit.object_of_c(&sources.join(name));

    let mut kernel = libraries.clone();
    for name in KERNEL {
        kernel.push(compile(name)?);
    }
    let ntoskrnl = folder.join("ntoskrnl.exe");
    dll(&ntoskrnl, &definition(wine), &kernel)?;
    let own = system32.join("ntoskrnl.exe");
    let renamed = system32.join(WINES).with_extension("dll");
    fs::write_if_changed(&renamed, &unmarked(fs::read(&own)?))?;
    fs::remove_file(&own)?;
    fs::copy_if_changed(&ntoskrnl, &own)?;

    // Newer ones have it.
    let primitives = system32.join("bcryptprimitives.dll");
    if !primitives.exists() {
        libraries.push(compile(PRIMITIVES)?);
        let made = folder.join("bcryptprimitives.dll");
        dll(&made, "EXPORTS\n ProcessPrng = shim_ProcessPrng\n", &libraries)?;
        fs::copy_if_changed(&made, &primitives)?;
    }
    Ok(())
}

fn dll(out: &Path, definition: &str, inputs: &[PathBuf]) -> Result<()> {
    let exports = out.with_extension("def");
    fs::write_if_changed(&exports, definition.as_bytes())?;
    let mut arguments: Vec<OsString> = FLAGS.iter().map(OsString::from).collect();
    arguments.push(format!("/OUT:{}", out.display()).into());
    arguments.push(format!("/DEF:{}", exports.display()).into());
    arguments.extend(inputs.iter().map(OsString::from));
    link::link(arguments)
}

/// A module-definition file: Wine's exports handed on, but for what is needed beside them.
fn definition(wine: &Exports) -> String {
    let needed: Vec<&Routine> = ROUTINES.iter().filter(|one| one.is_needed(wine)).collect();
    let mut text = String::from("EXPORTS\n");
    for name in wine.names().filter(|name| needed.iter().all(|routine| routine.name != *name)) {
        let _ = writeln!(text, " {name} = {WINES}.{name}");
    }
    for routine in needed {
        let name = routine.name;
        let _ = match routine.source {
            Source::Wine(elsewhere) => writeln!(text, " {name} = {elsewhere}"),
            Source::Shim => writeln!(text, " {name} = shim_{name}"),
        };
    }
    text
}

/// A DLL of Wine as one that Wine does not know.
fn unmarked(mut file: Vec<u8>) -> Vec<u8> {
    if let Some(mark) = file.get_mut(MARK_AT..MARK_AT + MARK.len())
        && mark == MARK
    {
        mark.fill(0);
    }
    file
}

#[cfg(test)]
mod tests {
    use super::super::exports::Entry;
    use super::*;

    #[test]
    fn what_wine_exports_is_handed_on_and_the_rest_added() {
        let wine = Exports::from_names(&[
            ("DbgPrint", Entry::Real),
            ("IoGetDriverObjectExtension", Entry::Real),
            ("MmLockPagableDataSection", Entry::Stub),
            ("NoSuchThing", Entry::Stub),
        ]);
        assert_eq!(
            definition(&wine),
            "EXPORTS\n DbgPrint = ntwine.DbgPrint\n NoSuchThing = ntwine.NoSuchThing\n \
             IoAllocateDriverObjectExtension = shim_IoAllocateDriverObjectExtension\n \
             IoGetDriverObjectExtension = shim_IoGetDriverObjectExtension\n \
             KeQueryPerformanceCounter = hal.KeQueryPerformanceCounter\n \
             MmLockPagableDataSection = shim_MmLockPagableDataSection\n"
        );
    }

    #[test]
    fn only_the_mark_is_taken_away() {
        let mut file = vec![7; 0x60];
        assert_eq!(unmarked(file.clone()), file);
        file[0x40..0x50].copy_from_slice(MARK);
        let without = unmarked(file);
        assert_eq!(without[0x40..0x50], [0; 16]);
        assert_eq!((without[0x3f], without[0x50]), (7, 7));
    }
}
