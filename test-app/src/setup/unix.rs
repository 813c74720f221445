//! A host where no driver can be installed.

use super::Host;
use crate::error::Error;

/// There is nothing to install on.
///
/// # Errors
/// [`Error::Skipped`], always.
pub fn this_host() -> Result<Box<dyn Host>, Error> {
    Err(Error::Skipped(
        "drivers are installed on Windows or Wine; the lab takes the driver's file as it boots"
            .to_owned(),
    ))
}
