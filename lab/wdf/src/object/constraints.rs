//! Execution levels and synchronization scopes
//! (learn.microsoft.com/windows-hardware/drivers/wdf/using-automatic-synchronization).

use crate::abi::{ObjectAttributes, execution_level, synchronization_scope};

/// At which IRQL callbacks may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// At PASSIVE_LEVEL.
    Passive,
    /// At DISPATCH_LEVEL or below.
    Dispatch,
}

impl Level {
    /// What the attributes say, or else the parent's.
    pub fn of(attributes: Option<&ObjectAttributes>, parent: Self) -> Self {
        match attributes.map(|a| a.execution_level) {
            Some(execution_level::PASSIVE) => Self::Passive,
            Some(execution_level::DISPATCH) => Self::Dispatch,
            _ => parent,
        }
    }
}

/// Which callbacks exclude each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of the device and everything below it.
    Device,
    /// Those of each queue.
    Queue,
    /// None.
    None,
}

impl Scope {
    /// What the attributes say, or else the parent's.
    pub fn of(attributes: Option<&ObjectAttributes>, parent: Self) -> Self {
        match attributes.map(|a| a.synchronization_scope) {
            Some(synchronization_scope::DEVICE) => Self::Device,
            Some(synchronization_scope::QUEUE) => Self::Queue,
            Some(synchronization_scope::NONE) => Self::None,
            _ => parent,
        }
    }
}
