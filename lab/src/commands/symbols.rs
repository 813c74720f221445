//! `pagewise-lab symbols`: the symbols of an image as debuggers of the host read them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};
use pagewise_lab::debugger::{frame_file, symbol_file};

/// What the user can say.
#[derive(clap::Args)]
pub struct Arguments {
    /// The image. Its PDB is looked for beside it.
    #[arg(value_name = "X.sys")]
    image: PathBuf,
    /// The ELF file to write, which debuggers take at any address.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Writes the file.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    write(&arguments.file, &symbol_file(&arguments.image)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Does the same in a process of its own, which a broken PDB may end: then there are no names.
pub(super) fn provide(image: &Path, file: &Path) -> Result<()> {
    let done = std::env::current_exe().and_then(|program| {
        let mut child = Command::new(program);
        child.arg("symbols").arg(image).arg(file).stdout(Stdio::null()).stderr(Stdio::null());
        child.status()
    });
    if done.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    eprintln!("{}: no names of functions, as its PDB cannot be read", image.display());
    write(file, &frame_file(image)?)
}

/// Writes a file, or says which could not be.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
