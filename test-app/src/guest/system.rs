//! What the steps of a plan need of the system.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::error::Error;

/// A program to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// This one.
    Own,
    /// One of the system's own folder.
    Tool(&'static str),
}

/// A program, what it is told, and for how long.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// Which.
    pub program: Program,
    /// Its arguments.
    pub arguments: &'a [String],
    /// File for what it writes.
    pub output: &'a Path,
    /// File for its errors.
    pub errors: &'a Path,
    /// Then it is ended.
    pub limit: Duration,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ran {
    /// By itself, with this code.
    Ended(i64),
    /// At its limit, by force.
    TimedOut,
    /// The system does not have it.
    Missing,
    /// It could not be started, and why.
    NotStarted(String),
}

/// A file that may be a crash dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpFile {
    /// Where it is.
    pub path: PathBuf,
    /// When it was last written to.
    pub written: Option<SystemTime>,
    /// Its size.
    pub bytes: u64,
}

/// The system, for the steps of a plan.
pub trait System {
    /// Runs a program to its end or to its limit.
    fn run(&mut self, call: &Call<'_>) -> Ran;

    /// `CodeIntegrityOptions`, as [`crate::doctor`] reads them.
    ///
    /// # Errors
    /// What the system says.
    fn code_integrity(&self) -> Result<u32, Error>;

    /// Sets a number below `HKEY_LOCAL_MACHINE`, and makes the key if there is none.
    ///
    /// # Errors
    /// [`Error::Win32`]
    fn set_number(&mut self, key: &str, value: &str, number: u32) -> Result<(), Error>;

    /// Trusts a certificate, for no longer than the limit; how many stores did not have it.
    ///
    /// # Errors
    /// As `install --trust`.
    fn trust(&mut self, certificate: &Path, limit: Duration) -> Result<usize, Error>;

    /// Restarts the system, at once.
    ///
    /// # Errors
    /// [`Error::Win32`]
    fn restart(&mut self) -> Result<(), Error>;

    /// All files that may be crash dumps: small ones and the large one.
    fn dump_files(&self) -> Vec<DumpFile>;

    /// Whether the guest starts for the first time since the system did.
    fn is_first_start(&mut self) -> bool;

    /// The build of the system; nothing where it does not tell.
    fn build(&self) -> Option<u32>;

    /// The system's name and version, for people.
    fn name(&self) -> String;

    /// `C:\Windows`
    fn folder(&self) -> PathBuf;

    /// Lets time pass.
    fn pause(&self, time: Duration);
}
