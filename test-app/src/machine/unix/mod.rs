//! On Unix there is one machine: the lab.

mod lab;
#[cfg(test)]
mod served;

use std::sync::Arc;

use super::{Choice, Machine};
use crate::error::Error;

/// Connects to the lab.
///
/// # Errors
/// [`Error::NoMachine`] without a socket; [`Error::Unreachable`] where nothing listens on it.
pub fn connect(choice: &Choice) -> Result<Arc<dyn Machine>, Error> {
    if choice.device.is_some() {
        return Err(Error::Usage(
            "--device names a Windows device interface; on this host use --lab SOCKET".to_owned(),
        ));
    }
    let socket = choice.lab.as_ref().ok_or(Error::NoMachine)?;
    Ok(Arc::new(lab::LabMachine::connect(socket)?))
}
