//! `pagewise-lab imports`.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use object::LittleEndian as LE;
use object::read::pe::{ImageThunkData, Import, PeFile64};
use pagewise_lab::exports;

/// Exit code where an import is missing.
const MISSING: u8 = 3;

/// What the user can say.
#[derive(clap::Args)]
pub struct Arguments {
    /// A driver's image.
    image: PathBuf,
}

/// Lists the imports, those that are missing last.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let path = arguments.image.display();
    let bytes = fs::read(&arguments.image).with_context(|| format!("cannot read {path}"))?;
    let imports = imports(&bytes).with_context(|| format!("{path} is no PE32+ image"))?;
    let (provided, missing): (Vec<_>, Vec<_>) =
        imports.into_iter().partition(|(dll, name)| is_provided(dll, name));
    for (dll, name) in &provided {
        println!("provided  {dll}!{name}");
    }
    for (dll, name) in &missing {
        println!("MISSING   {dll}!{name}");
    }
    println!("{} provided, {} missing", provided.len(), missing.len());
    Ok(if missing.is_empty() { ExitCode::SUCCESS } else { MISSING.into() })
}

/// Other images' exports are not the machine's: of those only WDFLDR.SYS is expected.
fn is_provided(dll: &str, name: &str) -> bool {
    exports::resolve(dll, name).is_some()
        || dll.eq_ignore_ascii_case("wdfldr.sys") && name.starts_with("WdfVersion")
}

fn imports(bytes: &[u8]) -> object::Result<Vec<(String, String)>> {
    let file = PeFile64::parse(bytes)?;
    let mut found = Vec::new();
    let Some(table) = file.import_table()? else { return Ok(found) };
    let mut descriptors = table.descriptors()?;
    while let Some(descriptor) = descriptors.next()? {
        let dll = String::from_utf8_lossy(table.name(descriptor.name.get(LE))?).into_owned();
        let first = match descriptor.original_first_thunk.get(LE) {
            0 => descriptor.first_thunk.get(LE),
            thunk => thunk,
        };
        let mut thunks = table.thunks(first)?;
        while let Some(thunk) = thunks.next::<object::pe::ImageNtHeaders64>()? {
            let name = match table.import::<object::pe::ImageNtHeaders64>(thunk)? {
                Import::Ordinal(ordinal) => format!("#{ordinal}"),
                Import::Name(_, name) => String::from_utf8_lossy(name).into_owned(),
            };
            debug_assert!(!thunk.is_ordinal() || name.starts_with('#'));
            found.push((dll.clone(), name));
        }
    }
    Ok(found)
}
