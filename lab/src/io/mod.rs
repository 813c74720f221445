//! The I/O manager: driver, device and file objects, and the IRPs between them.
//!
//! Where a doc comment says "Page: wdm/…" or "kernel/…", it names the page that the routine
//! follows, below learn.microsoft.com/windows-hardware/drivers/ddi/ or
//! learn.microsoft.com/windows-hardware/drivers/.
#![expect(non_snake_case, reason = "routines are named as drivers import them")]

pub mod build;
pub mod call;
pub mod cancel;
pub mod complete;
pub mod csq;
pub mod device;
mod dispatched;
pub mod driver;
pub mod file;
pub mod interface;
pub mod irp;
pub mod locked;
pub mod mdl;
mod name;
mod operation;
pub mod property;
pub mod remove_lock;
mod request;
pub(crate) mod shared;
pub mod stack;
pub(crate) mod strings;
mod sync;
#[cfg(test)]
mod tests;
pub(crate) mod verify;

pub use call::call;
pub use cancel::cancel;
pub use complete::complete;
pub use device::Device;
pub(crate) use device::NewDevice;
pub use driver::Driver;
pub use file::{File, OpenFile};
pub use irp::{Finish, Irp, StackLocation};
pub use name::open_name;
pub use operation::{Ask, DeviceControl, Operation};
pub use request::{Request, Requester, Started};
pub(crate) use stack::Reference;
pub use sync::{Outcome, send};
