//! The registry: a tree in memory that holds what the INF and the machine put there.

mod hive;
mod install;
mod key_object;
mod routines;
#[cfg(test)]
mod tests;

pub use hive::{Census, Key, KeyError, Value, create, open, root};
pub use install::{device_key, driver_key, install_device, install_service, service_path};
pub(crate) use key_object::handle_to;
pub use routines::EXPORTS;
