//! The kernel proper: processors and their IRQL, locks, dispatcher objects, DPCs, timers, time.
#![expect(non_snake_case, reason = "routines are named as drivers import them")]

pub mod apc;
pub(crate) mod ddi;
pub mod dispatcher;
pub mod dpc;
pub mod event;
pub(crate) mod exception;
pub mod freed;
pub(crate) mod inline;
pub mod irql;
mod local;
pub mod processor;
pub mod queued_spin_lock;
pub mod schedule;
pub(crate) mod seh;
pub mod spin_lock;
#[cfg(test)]
pub(crate) mod testing;
pub mod thread;
pub mod time;
pub mod timer;
