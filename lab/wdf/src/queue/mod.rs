//! I/O queues.
//!
//! A queue's numbers and lists are under its spin lock; whatever changes them ends in the
//! dispatcher ([`events`]), which calls the driver without the lock. What to do next is decided by
//! the pure [`crate::gate`].

mod api;
mod body;
mod cancel;
mod control;
mod create;
mod events;
mod incoming;
mod list;
mod ownership;
pub mod power;
mod present;
mod purge;
mod state_api;

pub use api::*;
pub use body::{Queue, QueueList};
pub use create::*;
pub use incoming::{dispatch, enqueue};
pub use list::Links;
pub use ownership::{
    completed, forward, mark_cancelable, requeue, stop_acknowledge, unmark_cancelable,
};
pub use purge::cancel_of_open;
pub use state_api::*;
