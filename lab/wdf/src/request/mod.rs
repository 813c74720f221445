//! Requests.

mod api;
mod body;
mod buffer;
mod complete;
mod create;
mod memory;
mod queue_api;

pub use api::*;
pub use body::Request;
pub use buffer::*;
pub use complete::*;
pub use create::{create_for_irp, fill_parameters};
pub use memory::*;
pub use queue_api::*;
