//! The machine that the driver runs on, behind two traits: a [`Machine`] to open the device on, a
//! [`Handle`] to send requests through. What only the lab can do is a third, [`Lab`].

mod failure;
#[cfg(unix)]
#[path = "unix/mod.rs"]
mod host;
#[cfg(windows)]
#[path = "windows/mod.rs"]
mod host;
mod needs;
mod plug;
mod powers;

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

pub use failure::{Code, Failure};
pub use needs::Need;
pub use plug::{Plug, Removal};
pub use powers::{IMAGE, Lab};

use crate::error::Error;

/// What runs the driver. The three are never mixed up in a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The lab: an NT machine in a Linux process.
    Lab,
    /// Windows.
    Windows,
    /// Wine, seen through its Windows interface.
    Wine,
}

/// Which machine and device the command line asks for.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Socket of a lab machine.
    pub lab: Option<PathBuf>,
    /// Device interface path.
    pub device: Option<String>,
    /// Folder of the driver's package.
    pub package: Option<PathBuf>,
}

/// What a handle is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `GENERIC_READ`
    Read,
    /// `GENERIC_WRITE`
    Write,
    /// `GENERIC_READ | GENERIC_WRITE`
    ReadWrite,
}

impl Access {
    /// The desired-access bits of `CreateFile`.
    pub const fn bits(self) -> u32 {
        const GENERIC_READ: u32 = 0x8000_0000;
        const GENERIC_WRITE: u32 = 0x4000_0000;
        match self {
            Self::Read => GENERIC_READ,
            Self::Write => GENERIC_WRITE,
            Self::ReadWrite => GENERIC_READ | GENERIC_WRITE,
        }
    }

    /// The words in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "reading",
            Self::Write => "writing",
            Self::ReadWrite => "reading and writing",
        }
    }
}

/// Pageable pages of all drivers, as the system counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriverPages {
    /// In memory or not: `TotalSystemDriverPages`.
    pub total: u64,
    /// In a working set: `ResidentSystemDriverPage`.
    pub resident: u64,
}

/// How far out of memory pages shall go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum How {
    /// Out of the working set, still in memory
    Trim,
    /// What was trimmed: out of memory
    Purge,
    /// Both
    Evict,
}

/// Something that a system was asked to do, and did not refuse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// The function, with its arguments.
    pub call: &'static str,
    /// What it is said to do.
    pub effect: &'static str,
    /// Whether Microsoft documents it.
    pub documented: bool,
}

/// A machine.
pub trait Machine: Send + Sync {
    /// What it is.
    fn kind(&self) -> Kind;

    /// What to call it in a line of text.
    fn name(&self) -> String;

    /// Opens the device.
    ///
    /// # Errors
    /// [`Failure`]; [`Failure::is_no_device`] where none is there.
    fn open(&self, access: Access) -> Result<Box<dyn Handle>, Failure>;

    /// Opens the device with the rights of an ordinary user.
    ///
    /// # Errors
    /// [`Failure`]; [`Failure::Broken`] where such rights cannot be had.
    fn open_as_user(&self, access: Access) -> Result<Box<dyn Handle>, Failure>;

    /// Why it does not offer something that a check needs; nothing where it does.
    fn lacks(&self, need: Need) -> Option<String> {
        need.refused_by(self.kind()).map(str::to_owned)
    }

    /// Removal and return of the device, where they can be had.
    fn plug(&self) -> Option<&dyn Plug> {
        None
    }

    /// The system's own count of pageable driver pages; nothing where it counts none.
    ///
    /// # Errors
    /// What the system answers.
    fn driver_pages(&self) -> Result<Option<DriverPages>, Error> {
        Ok(None)
    }

    /// Asks the system to take pages out of memory, all of the system's. What it does of that is
    /// its own affair.
    ///
    /// # Errors
    /// [`Error::Skipped`] where there is nothing to ask; what the system answers.
    fn ask_to_trim(&self, how: How) -> Result<Vec<Asked>, Error> {
        let (name, _) = (self.name(), how);
        Err(Error::Skipped(format!("{name} cannot be asked to take pages out of memory")))
    }

    /// Tries a means to take pages out of memory, of all of the system's or of its drivers', tried
    /// by number from 0 on; nothing past the last.
    fn try_means(&self, _number: usize) -> Option<Result<Asked, Error>> {
        None
    }

    /// Settings of the system that bear on paging, by name, for whoever reads the result.
    fn facts(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// What only the lab can do, if this is one.
    fn lab(&self) -> Option<&dyn Lab> {
        None
    }
}

/// A request that was started and not yet waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub u64);

/// An open device. Dropped, it is closed.
pub trait Handle: Send {
    /// Sends a request: a control code, its input, room for so many bytes of output. Returns the
    /// output.
    ///
    /// # Errors
    /// [`Failure`]
    fn ioctl(&mut self, code: u32, input: &[u8], capacity: u32) -> Result<Vec<u8>, Failure> {
        let ticket = self.start(code, input, capacity)?;
        self.wait(ticket)
    }

    /// Sends a request and does not wait for its end.
    ///
    /// # Errors
    /// [`Failure`] where it could not be sent. How it ends is for [`Handle::wait`] to tell.
    fn start(&mut self, code: u32, input: &[u8], capacity: u32) -> Result<Ticket, Failure>;

    /// Asks for a request to be cancelled. It still has to be waited for.
    ///
    /// # Errors
    /// [`Failure`] where the wish could not be sent. A request that is no longer there is no error.
    fn cancel(&mut self, ticket: Ticket) -> Result<(), Failure>;

    /// Waits for the end of a request.
    ///
    /// # Errors
    /// [`Failure`]
    fn wait(&mut self, ticket: Ticket) -> Result<Vec<u8>, Failure>;
}

/// Finds the machine that the command line asks for.
///
/// # Errors
/// [`Error`] where it cannot be reached, or is not of a kind that this host can reach.
pub fn connect(choice: &Choice) -> Result<Arc<dyn Machine>, Error> {
    host::connect(choice)
}
