//! The Plug and Play manager: enumerates root devices, adds their drivers, starts, stops and
//! removes them, all in one system thread at `PASSIVE_LEVEL`.
//!
//! Pages: learn.microsoft.com/windows-hardware/drivers/kernel/adding-a-pnp-device-to-a-running-system,
//! …/understanding-when-remove-irps-are-issued, …/stopping-a-device, …/state-transitions-for-pnp-devices.

mod bus;
pub mod inf;
mod node;
mod query;
mod remove;
mod start;
mod stop;
#[cfg(test)]
mod tests;
mod watchdog;
pub mod worker;

pub use bus::{RootBus, fail_next_start};
pub use node::{DeviceNode, Phase};
pub use remove::{remove, surprise_remove};
pub use start::{AddError, add_and_start};
pub use stop::rebalance;

pub use query::EXPORTS;
