//! `guest`: this machine is a test VM, and does what the plan on the hand-over disk says, through
//! restarts and bug checks, until all is done and told.
//!
//! The loop, the journal and the line are [`pagewise_vm_plan`]'s, the same as the stand-in's. Here
//! is what Windows does for a step: [`actions`], over a [`System`] that tests replace.

pub mod actions;
pub mod child;
pub mod dump;
pub mod dumps;
#[cfg(test)]
mod fake;
pub mod hand_over;
#[cfg(unix)]
#[path = "unix.rs"]
mod host;
#[cfg(windows)]
#[path = "windows/mod.rs"]
mod host;
mod machine;
pub mod system;
pub mod task;

pub use hand_over::hand_over;
pub use host::{remove, run, setup, status};
pub use machine::Guest;
pub use system::System;

use std::path::PathBuf;

use serde::Serialize;

/// What [`run`] is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Root of the hand-over disk; found by its label where it is not named.
    pub handover: Option<PathBuf>,
    /// The serial port.
    pub serial: String,
}

/// How [`run`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All is done; whether all of it was good.
    Over(bool),
    /// The system restarts, and the run goes on after that.
    Restarting,
}

/// What this machine is as a test VM.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Version of this form.
    pub schema: u32,
    /// Whether the task that starts the guest at boot is there.
    pub task: bool,
    /// Root of the hand-over disk, if one is attached.
    pub handover: Option<PathBuf>,
    /// The plan's name, if there is a plan that can be read.
    pub plan: Option<String>,
    /// How often the guest has started.
    pub boots: u32,
    /// Its steps and how far they are: `waiting`, `running`, `passed`, `failed`, `skipped`.
    pub steps: Vec<(String, &'static str)>,
    /// Whether the run is over.
    pub finished: bool,
}
