//! What can go wrong in building, with the numbers and the next thing to try.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use pagewise_package::inf::{Finding, StampError};

use crate::exit::Exit;
use crate::image_check::Violation;
use crate::wdk_build_patch::EditError;

/// A failed step.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read, written, copied or removed.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A program could not be started at all.
    #[error("cannot run {program}: {source}")]
    Spawn {
        /// Its name.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// A program ran and said no.
    #[error("{program} failed ({status}){output}")]
    Program {
        /// Its name and the arguments that matter.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote, after a line break; empty when that was shown already.
        output: String,
    },
    /// Packages are missing and cannot be installed from here.
    #[error("missing: {}\n  they can only be installed by root; run this line, then try again:\n  {line}", missing.join(", "))]
    Missing {
        /// What was looked for and not found.
        missing: Vec<String>,
        /// The one line to run.
        line: String,
    },
    /// Nothing can compile for the Windows target.
    #[error("nothing here compiles Rust for {target}: {why}\n  try: rustup target add {target}")]
    NoToolchain {
        /// The target.
        target: &'static str,
        /// What was tried.
        why: String,
    },
    /// wdk-build is not what the edits were written for.
    #[error(
        "{package} {version} is not the text that xtask/src/wdk_build_patch.rs edits: {source}\n  \
         try: compare the crate's sources with that file and write the edits anew"
    )]
    Edit {
        /// The crate.
        package: &'static str,
        /// The version found.
        version: String,
        /// Which edit found what.
        source: EditError,
    },
    /// `Cargo.lock` has no such package.
    #[error(
        "Cargo.lock names no package {package}\n  try: cargo metadata, and see that driver/Cargo.toml depends on the wdk crates"
    )]
    NotLocked {
        /// Its name.
        package: &'static str,
    },
    /// A library is not what it should be.
    #[error("{path} is not a library that can be read: {why}")]
    Library {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        why: String,
    },
    /// The linker was called without something that it is always given.
    #[error("the linker was called without {what}: {arguments:?}")]
    LinkArguments {
        /// What was looked for.
        what: &'static str,
        /// What there was.
        arguments: Vec<String>,
    },
    /// A file is no PE image.
    #[error("{path} is not a PE32+ image: {why}")]
    NotAnImage {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        why: String,
    },
    /// An image breaks rules.
    #[error("{path} breaks {} of the rules for a driver's image:{}", violations.len(), list(violations))]
    BadImage {
        /// The file.
        path: PathBuf,
        /// The rules.
        violations: Vec<Violation>,
    },
    /// The INF breaks rules.
    #[error("{path}, stamped, breaks {} of the rules for INF files:{}", findings.len(), list_findings(findings))]
    BadInf {
        /// The source of the INF.
        path: PathBuf,
        /// What breaks them.
        findings: Vec<Finding>,
    },
    /// The INF cannot be stamped.
    #[error("cannot stamp {path}: {source}")]
    NotStamped {
        /// The source of the INF.
        path: PathBuf,
        /// Why not.
        source: StampError,
    },
    /// There is no date for the INF.
    #[error(
        "{origin} is {text:?}, which is no number of seconds since 1970\n  try: SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)"
    )]
    NoDate {
        /// Where the text comes from.
        origin: &'static str,
        /// The text.
        text: OsString,
    },
    /// A twin's patch is stale.
    #[error(
        "the twin `{twin}` no longer applies: {patch}\n{output}\n  try: rewrite the patch against the sources as they are now"
    )]
    StaleTwin {
        /// Its name.
        twin: String,
        /// The patch.
        patch: PathBuf,
        /// What git said.
        output: String,
    },
    /// There is no such twin.
    #[error("there is no twin `{twin}` in {folder}; there are: {}", known.join(", "))]
    NoSuchTwin {
        /// The name asked for.
        twin: String,
        /// Where the patches are.
        folder: PathBuf,
        /// Those that exist.
        known: Vec<String>,
    },
    /// A driver imports what neither Wine nor the shim has.
    #[error(
        "{driver} imports from ntoskrnl.exe what this Wine and the shim lack: {}\n  try: add it to \
         lab/wine and to xtask/src/wine/routines.rs (docs/wine.md tells how)",
        missing.join(", ")
    )]
    WineLacks {
        /// The driver.
        driver: PathBuf,
        /// The routines.
        missing: Vec<String>,
    },
    /// There is no base image.
    #[error("there is no base image{} in {}\n  try: cargo xtask vm prepare --iso FILE, with installation media of \
             Windows 10 or 11 (docs/test-vm.md); or --stand-in, which needs none",
            name.as_deref().map_or_else(String::new, |name| format!(" {name}")), folder.display())]
    NoBaseImage {
        /// Where it was looked for.
        folder: PathBuf,
        /// The one that was asked for.
        name: Option<String>,
    },
}

fn list(violations: &[Violation]) -> String {
    violations.iter().map(|violation| format!("\n  - {violation}")).collect()
}

fn list_findings(findings: &[Finding]) -> String {
    findings.iter().map(|it| format!("\n  - {it}\n    try: {}", it.rule.next)).collect()
}

impl Error {
    /// A [`Error::File`] from an [`io::Error`].
    pub fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }

    /// The exit code for this error.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Missing { .. } | Self::NoToolchain { .. } => Exit::Missing,
            Self::BadImage { .. } | Self::NotAnImage { .. } => Exit::BadImage,
            Self::BadInf { .. } => Exit::BadInf,
            Self::StaleTwin { .. } | Self::NoSuchTwin { .. } => Exit::StaleTwin,
            Self::NoBaseImage { .. } => Exit::Skipped,
            _ => Exit::Failed,
        }
    }
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
