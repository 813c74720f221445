//! The executive: system worker threads, locks, lists, run-down protection.
#![expect(non_snake_case, reason = "routines are named as drivers import them")]

pub mod fast_mutex;
pub mod interlocked;
pub mod lookaside;
pub mod probe;
pub mod raise;
pub mod resource;
pub mod rundown;
pub mod slist;
pub mod uuid;
pub mod work_item;
mod worker;

pub use worker::queue_system_work;
