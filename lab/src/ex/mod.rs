//! The executive: system worker threads, fast mutexes, run-down protection, interlocked lists.
#![expect(non_snake_case, reason = "routines are named as drivers import them")]

pub mod fast_mutex;
pub mod interlocked;
pub mod rundown;
pub mod uuid;
pub mod work_item;
mod worker;

pub use worker::queue_system_work;
