//! `verify`: the checks, and how they are run and reported.
//!
//! The same list runs on every machine. What a machine cannot decide is skipped with the reason,
//! never passed.

mod busy;
mod check;
mod checks;
mod context;
#[cfg(test)]
pub(crate) mod fake;
pub mod oracle;
mod output;
mod report;
mod requests;
mod restore;
pub(crate) mod run;
#[cfg(test)]
mod twins;

pub use check::{Check, Stop, Verdict};
pub use checks::{all, matching};
pub use context::{Context, DEFAULT_SEED};
pub use output::Output;
pub use report::{DriverFile, Report, Status};
pub use run::{Options, run};
