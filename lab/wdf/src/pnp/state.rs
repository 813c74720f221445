//! Where PnP has brought a device.

use crate::abi::pnp_state;

/// The states that matter for what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Created, in `EvtDriverDeviceAdd`.
    Created,
    /// Added, not started.
    Added,
    /// Started.
    Started,
    /// Stopped for a rebalance.
    Stopped,
    /// Failed, or pulled out: it waits for its removal.
    Failed,
    /// Removed.
    Removed,
}

/// Self-managed I/O.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfManaged {
    /// `EvtDeviceSelfManagedIoInit` was not called so far.
    Fresh,
    /// Running.
    Running,
    /// Suspended.
    Suspended,
}

/// Where PnP has brought a device, and what was called for it.
#[derive(Clone, Copy, Debug)]
pub struct PnpState {
    /// The phase.
    pub phase: Phase,
    /// `EvtDevicePrepareHardware` was called and `EvtDeviceReleaseHardware` was not.
    pub hardware: bool,
    /// The device is in D0: its entry was called.
    pub in_d0: bool,
    /// Self-managed I/O.
    pub self_managed: SelfManaged,
}

impl PnpState {
    /// A new device.
    pub const fn new() -> Self {
        Self {
            phase: Phase::Created,
            hardware: false,
            in_d0: false,
            self_managed: SelfManaged::Fresh,
        }
    }

    /// `EvtDriverDeviceAdd` is over.
    pub fn added(&mut self) {
        self.phase = Phase::Added;
    }

    /// `WDF_DEVICE_PNP_STATE`, as far as it is told apart.
    pub fn reported(&self) -> u32 {
        match self.phase {
            Phase::Created => pnp_state::OBJECT_CREATED,
            Phase::Started => pnp_state::STARTED,
            Phase::Added => pnp_state::INIT,
            Phase::Stopped => pnp_state::STOPPED,
            Phase::Failed => pnp_state::FAILED_WAIT_FOR_REMOVE,
            Phase::Removed => pnp_state::REMOVED,
        }
    }
}
