//! Removing the device and bringing it back: what the lab and an NT host both can do.

use pagewise_lab_wire::Control;

use super::Lab;
use crate::error::Error;
use crate::status::NtStatus;

/// How a removal in order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The device is gone.
    Done,
    /// Somebody has it open, and it stays.
    Vetoed,
}

/// Removes the device, and brings it back.
pub trait Plug: Send + Sync {
    /// Removes the device in order.
    ///
    /// # Errors
    /// [`Error`]; a veto is none.
    fn unplug(&self) -> Result<Removal, Error>;

    /// Brings it back, and waits until it works.
    ///
    /// # Errors
    /// [`Error`]
    fn plug(&self) -> Result<(), Error>;
}

impl<T: Lab> Plug for T {
    fn unplug(&self) -> Result<Removal, Error> {
        let order = Control::Unplug { surprise: false };
        match (self as &dyn Lab).order(&order)? {
            NtStatus::PLUGPLAY_QUERY_VETOED => Ok(Removal::Vetoed),
            status if status.is_success() => Ok(Removal::Done),
            status => Err(refused(&order, status)),
        }
    }

    fn plug(&self) -> Result<(), Error> {
        match (self as &dyn Lab).order(&Control::Plug)? {
            status if status.is_success() => Ok(()),
            status => Err(refused(&Control::Plug, status)),
        }
    }
}

fn refused(order: &Control, status: NtStatus) -> Error {
    Error::Native { operation: format!("the order {order:?}"), status }
}
