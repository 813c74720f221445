//! Bug checks: the machine stops, says why, and is gone.
//!
//! The report goes to stderr for people and, as JSON ([`pagewise_lab_wire::BugCheck`]), to the file
//! that [`report_to`] names. The process ends with
//! [`BUG_CHECK_EXIT`](pagewise_lab_wire::BUG_CHECK_EXIT).

mod advice;
mod classify;
mod crash;
mod culprit;
mod details;
mod framework;
mod history;
mod meaning;
mod names;
mod place;
mod recent;
mod registers;
mod reporter;
mod routines;
pub(crate) mod stack;
mod symbols;
mod text;

pub(crate) use classify::{Place, Reference, Why, classify};
pub(crate) use crash::{Crash, aborted, start_reporter, stop};
pub(crate) use names::*;
pub(crate) use registers::{PLACES, Register, Registers};
pub use routines::EXPORTS;
pub(crate) use stack::callers;
pub use stack::unwound_in;
pub use symbols::in_pdb;
pub(crate) use symbols::pdb_beside;

use std::path::Path;

use crate::ke::irql;

/// Where the report goes, as JSON, when the machine bug-checks.
pub fn report_to(path: &Path) {
    reporter::set_path(path);
}

/// Where the machine's memory is kept when it bug-checks.
pub fn dump_to(path: &Path) {
    reporter::set_dump(path);
}

/// Stops the machine: writes the report and ends the process. May be called on any thread and at
/// any IRQL.
#[inline(always)]
pub fn bug_check(code: u32, parameters: [u64; 4]) -> ! {
    stop_with(code, parameters, Registers::here())
}

#[cold]
#[inline(never)]
fn stop_with(code: u32, parameters: [u64; 4], registers: Registers) -> ! {
    let (irql, processor) = (irql::current(), irql::processor());
    stop(Crash { code, parameters, registers, irql, processor })
}
