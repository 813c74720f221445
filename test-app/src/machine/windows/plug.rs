//! Removal and return of the device by the functions that install it.

use super::Host;
use crate::error::Error;
use crate::machine::{Plug, Removal};
use crate::setup::{self, this_host};

impl Plug for Host {
    fn unplug(&self) -> Result<Removal, Error> {
        let host = this_host()?;
        let mut vetoed = false;
        for node in host.nodes()? {
            // That the system has to restart means that the device has not gone.
            vetoed |= host.remove_node(&node)?;
        }
        Ok(if vetoed { Removal::Vetoed } else { Removal::Done })
    }

    fn plug(&self) -> Result<(), Error> {
        let missing = |why: &String| Error::Skipped(why.clone());
        setup::replug(&*this_host()?, self.package.as_ref().map_err(missing)?)
    }
}
