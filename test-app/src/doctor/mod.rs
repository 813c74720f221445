//! `doctor`: what this system has of the driver, and what keeps it from working.
//!
//! Reading the system is one thing, judging what was read another: [`judge`] is the same on every
//! host, and tested on every host.

pub mod image;
mod judge;
mod output;
mod readings;
#[cfg(unix)]
#[path = "unix.rs"]
mod system;
#[cfg(windows)]
#[path = "windows/mod.rs"]
mod system;

pub use judge::judge;
pub use output::{Diagnosis, print};
pub use readings::{Node, Reading, Readings, Service, Version};
pub use system::read;

use serde::Serialize;

/// How good a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, but perhaps not as meant.
    Warn,
    /// The driver cannot work, or what it does has no effect.
    Fail,
    /// It could not be found out.
    Unknown,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable name.
    pub id: &'static str,
    /// How good it is.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// What to do about it; nothing where all is well.
    pub fix: Option<String>,
}
