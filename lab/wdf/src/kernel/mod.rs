//! What is wanted of the NT kernel, in a form that the rest can use with few unsafe operations.
//!
//! Imported is only what every NT host has; what some lack is looked up ([`routine`]) and has a
//! fallback.

pub mod event;
mod import;
pub mod irp;
pub mod irql;
pub mod pool;
pub mod routine;
pub mod spin;
pub mod string;
pub mod thread;
pub mod violation;
