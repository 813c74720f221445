//! The parts of the Win32 API that more than one verb needs, each behind a safe face.

pub mod code_integrity;
pub mod devices;
mod failure;
pub mod host;
pub mod interfaces;
pub mod memory;
pub mod native;
pub mod performance;
pub mod pressure;
pub mod registry;
pub mod service;
pub mod somebody;
pub mod token;
pub mod trust;
pub mod version;
pub mod wide;

pub use failure::{done, failed, last_error};
