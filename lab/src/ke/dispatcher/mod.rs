//! Dispatcher objects: events, mutexes, semaphores, timers and threads, and waiting for them.
//!
//! An object's state lives in the `DISPATCHER_HEADER` of the caller's memory, as on Windows; who
//! waits for it is kept in the machine, by the object's address. One lock guards both. Whoever
//! holds it is at `DISPATCH_LEVEL`, so an object in memory that may be paged out is as fatal here
//! as it is there.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-kernel-dispatcher-objects.

mod database;
pub mod event;
mod header;
pub mod mutex;
pub mod semaphore;
mod sleeper;
#[cfg(test)]
mod tests;
pub mod wait;

pub(crate) use database::Database;
pub(crate) use header::{Header, Kind, Object};
