//! A host without an NT system to look at.

use super::Readings;
use crate::error::Error;

/// There is nothing to read.
///
/// # Errors
/// [`Error::Skipped`], always.
pub fn read() -> Result<Readings, Error> {
    Err(Error::Skipped(
        "doctor looks at Windows or Wine; of a lab machine, `test-app status` tells all".to_owned(),
    ))
}
