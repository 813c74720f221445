//! Devices.

mod api;
mod body;
mod create;
mod dispatch;
mod init;
mod init_api;
mod interface;
mod link;
mod security;
mod state;

pub use api::*;
pub use body::{Device, DeviceExtension, device_of, is_control_device};
pub use create::*;
pub use dispatch::dispatch;
pub use init::DeviceInit;
pub use init_api::*;
pub use interface::*;
pub use link::{delete_link, device_create_symbolic_link};
pub use state::*;
