//! Running other programs.

use std::path::PathBuf;
use std::process::Command;

use crate::error::{Error, Result};

/// What cargo, rustup and `cargo run` leave in the environment, and what would make another
/// toolchain's programs pick the wrong libraries, compiler or settings.
const LEFT_BY_CARGO: &[&str] = &[
    "CARGO",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_TARGET_DIR",
    "LD_LIBRARY_PATH",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
    "RUSTUP_TOOLCHAIN_SOURCE",
    "RUST_RECURSION_COUNT",
];

/// A command whose environment is what the user's shell would have given it.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in LEFT_BY_CARGO {
        command.env_remove(name);
    }
    command
}

/// This program's file. Where cargo has built it anew while it ran, that is the new one: Linux then
/// names the old one with a word behind it (proc_pid_exe(5)).
pub fn this_program() -> Result<PathBuf> {
    const GONE: &str = " (deleted)";
    let this = std::env::current_exe()
        .map_err(|source| Error::Spawn { program: "this program".to_owned(), source })?;
    let renamed = this.to_str().and_then(|path| path.strip_suffix(GONE)).map(PathBuf::from);
    Ok(renamed.filter(|_| !this.exists()).unwrap_or(this))
}

/// Runs to the end; on failure what it wrote is part of the error.
pub fn quiet(command: &mut Command) -> Result<String> {
    let output =
        command.output().map_err(|source| Error::Spawn { program: name(command), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Err(Error::Program {
        program: name(command),
        status: output.status,
        output: format!("\n{}", text.trim_end()),
    })
}

/// The program with its first arguments, for messages.
pub fn name(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().take(4).map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}
