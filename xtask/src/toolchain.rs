//! What compiles Rust for the Windows target on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};
use crate::fs;
use crate::progress::Step;
use crate::run;
use crate::setup;
use crate::workspace::Workspace;

/// Where Debian's `rust-web-src` puts the standard library's sources.
pub const DEBIAN_SOURCE: &str = "/usr/lib/rustlib/src/rust/library";

/// The oldest minor version of Rust 1 that compiles the workspace (`rust-version` in `Cargo.toml`).
const OLDEST_MINOR: u32 = 91;

/// How long `rustup target add` may take before it is taken for a machine without a connection.
const TARGET_ADD_SECONDS: &str = "30";

/// The environment variable that decides, should the choice made here not please: `rustup` or
/// `debian`.
pub const CHOICE: &str = "PAGEWISE_TOOLCHAIN";

/// A compiler with the means to build for a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    source: Source,
    target: &'static str,
}

/// Where a compiler comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// rustup's, with the target's standard library installed.
    Rustup,
    /// Debian's `rustc-web`, which compiles the standard library from source along the way.
    Debian,
}

impl Toolchain {
    /// Picks one: rustup's where it has the target or can get it, Debian's else. The variable
    /// [`CHOICE`] has the last word.
    ///
    /// rustup is asked to add the target once; a machine where that failed is not kept waiting for
    /// it in every build.
    pub fn choose(workspace: &Workspace, target: &'static str) -> Result<Self> {
        let source = match std::env::var(CHOICE).ok().as_deref() {
            None | Some("") => find(workspace, target)?,
            Some("rustup") => Source::Rustup,
            Some("debian") => debian(target)?,
            Some(other) => {
                let why = format!("{CHOICE} is {other:?}, which is neither rustup nor debian");
                return Err(Error::NoToolchain { target, why });
            }
        };
        Ok(Self { source, target })
    }

    /// A cargo command of this toolchain: `verb` for the target, without its own arguments. `std`
    /// are the crates of the standard library that it takes where they come as source.
    pub fn cargo(&self, verb: &str, std: &str) -> Command {
        match self.source {
            Source::Rustup => {
                let mut command = run::command("cargo");
                command.args([verb, "--target", self.target]);
                command
            }
            Source::Debian => {
                let mut command = run::command("/usr/bin/cargo");
                // build-std is unstable; the sources are those of this very compiler.
                command.env("RUSTC_BOOTSTRAP", "1");
                command.env("RUSTC", "/usr/bin/rustc").env("RUSTDOC", "/usr/bin/rustdoc");
                command.args([verb, "--target", self.target]);
                command.args(["-Z", &format!("build-std={std}")]);
                command
            }
        }
    }

    /// Sees to it that `cargo clippy` works.
    pub fn provide_clippy(&self) -> Result<()> {
        match self.source {
            Source::Rustup => Ok(()),
            Source::Debian => setup::provide(setup::DEBIAN_CLIPPY),
        }
    }

    /// Folders whose names must not end up in an image, with what to say instead.
    pub fn source_folders(&self) -> Vec<(PathBuf, &'static str)> {
        let folder = match self.source {
            Source::Rustup => sysroot().map(|root| root.join("lib/rustlib/src/rust/library")),
            Source::Debian => Some(PathBuf::from(DEBIAN_SOURCE)),
        };
        let mut folders = Vec::new();
        if let Some(folder) = folder {
            if let Ok(real) = folder.canonicalize() {
                folders.push((real, "library"));
            }
            folders.push((folder, "library"));
        }
        folders
    }

    /// For messages.
    pub const fn describe(&self) -> &'static str {
        match self.source {
            Source::Rustup => "with rustup's toolchain",
            Source::Debian => "with Debian's rustc-web",
        }
    }
}

fn find(workspace: &Workspace, target: &'static str) -> Result<Source> {
    if rustup_has(target) {
        return Ok(Source::Rustup);
    }
    let tried = workspace.kit().join(format!("rustup-target-add-failed-{target}"));
    if !tried.is_file() {
        match rustup_add(target) {
            Ok(()) if rustup_has(target) => return Ok(Source::Rustup),
            result => {
                let why = result.err().map_or_else(String::new, |error| error.to_string());
                fs::write_if_changed(&tried, why.as_bytes())?;
            }
        }
    }
    debian(target)
}

fn debian(target: &'static str) -> Result<Source> {
    setup::provide(setup::DEBIAN_RUST)?;
    if debian_version("/usr/bin/cargo").is_none() {
        let why = "rustup cannot add the target, and Debian's cargo-web is not there".to_owned();
        return Err(Error::NoToolchain { target, why });
    }
    Ok(Source::Debian)
}

/// The minor version of one of Debian's Rust programs, if it is new enough for the workspace.
pub fn debian_version(program: &str) -> Option<u32> {
    if !Path::new(program).is_file() {
        return None;
    }
    let text = run::quiet(run::command(program).arg("--version")).ok()?;
    minor(&text).filter(|&minor| minor >= OLDEST_MINOR)
}

/// 96 of `rustc 1.96.0 (…)`.
fn minor(version: &str) -> Option<u32> {
    version.split_whitespace().nth(1)?.split('.').nth(1)?.parse().ok()
}

fn sysroot() -> Option<PathBuf> {
    let text = run::quiet(run::command("rustc").args(["--print", "sysroot"])).ok()?;
    Some(PathBuf::from(text.trim()))
}

fn rustup_has(target: &str) -> bool {
    sysroot().is_some_and(|root| root.join("lib/rustlib").join(target).join("lib").is_dir())
}

fn rustup_add(target: &str) -> Result<()> {
    let step = Step::start(format!("rustup target add {target}"));
    let result = run::quiet(run::command("timeout").args([
        TARGET_ADD_SECONDS,
        "rustup",
        "target",
        "add",
        target,
    ]));
    if result.is_err() {
        step.line(&format!("rustup cannot add {target} here; using Debian's rustc-web instead"));
    }
    step.done();
    result.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions() {
        assert_eq!(
            minor("rustc 1.96.0 (0000000 2026-01-01) (built from a source tarball)"),
            Some(96)
        );
        assert_eq!(minor("rustc"), None);
        assert_eq!(minor("rustc one.two"), None);
    }

    #[test]
    fn a_program_that_is_not_there_has_no_version() {
        assert_eq!(debian_version("/no/such/rustc"), None);
    }
}
