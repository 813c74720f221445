//! No machine of this kind is a test VM's guest; the stand-in plays one.

use std::path::Path;

use super::{Ended, Options, Status, hand_over};
use crate::error::Error;

const REASON: &str = "a test VM's guest runs Windows; `cargo xtask vm` boots one";

fn skipped<T>() -> Result<T, Error> {
    Err(Error::Skipped(REASON.to_owned()))
}

/// # Errors
/// [`Error::Skipped`]
pub fn run(_: &Options) -> Result<Ended, Error> {
    skipped()
}

/// # Errors
/// [`Error::Skipped`]
pub fn setup(_: &str) -> Result<Vec<String>, Error> {
    skipped()
}

/// Of a disk that is named; this machine is none.
///
/// # Errors
/// [`Error::Skipped`] without a disk.
pub fn status(handover: Option<&Path>) -> Result<Status, Error> {
    match handover {
        Some(root) => Ok(hand_over::status(false, Some(root.to_owned()))),
        None => skipped(),
    }
}

/// # Errors
/// [`Error::Skipped`]
pub fn remove() -> Result<Vec<String>, Error> {
    skipped()
}
