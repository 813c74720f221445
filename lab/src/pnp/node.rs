//! Device nodes: what the Plug and Play manager knows of a device.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use pagewise_lab_nt as nt;

use super::inf::Installation;
use super::{remove, worker};
use crate::io::Device;

/// Where a device is in its life
/// (learn.microsoft.com/windows-hardware/drivers/kernel/state-transitions-for-pnp-devices).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Enumerated, with no drivers but the bus's, or with drivers and not started.
    NotStarted,
    /// At work.
    Started,
    /// Its drivers agreed to a stop.
    StopPending,
    /// Stopped for a rebalance.
    Stopped,
    /// Its drivers agreed to its removal.
    RemovePending,
    /// Pulled out; it is removed once nobody has it open.
    SurpriseRemoved,
    /// The last request is on its way, or the node is gone.
    Removing,
}

/// A device node.
#[derive(Debug)]
pub struct DeviceNode {
    instance_path: String,
    installation: Installation,
    device: OnceLock<Device>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Files open on it.
    open: u32,
    /// Whether the bus still reports it.
    present: bool,
}

impl DeviceNode {
    /// A node for a device that the bus reports.
    #[must_use]
    pub fn new(instance_path: String, installation: Installation) -> Arc<Self> {
        let state = Mutex::new(State { phase: Phase::NotStarted, open: 0, present: true });
        Arc::new(Self { instance_path, installation, device: OnceLock::new(), state })
    }

    /// Such as `ROOT\PAGEWISE\0000`.
    #[must_use]
    pub fn instance_path(&self) -> &str {
        &self.instance_path
    }

    /// What its INF said.
    #[must_use]
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// Its physical device object, which is alive until the phase is [`Phase::Removing`].
    pub(super) fn device(&self) -> Option<Device> {
        self.device.get().copied()
    }

    pub(super) fn set_device(&self, device: Device) {
        // A node has one device.
        let _ = self.device.set(device);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it is in its life.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.state().phase
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        self.state().phase = phase;
    }

    /// Whether the bus still reports it.
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.state().present
    }

    /// The bus does not report it any more.
    pub(super) fn set_missing(&self) {
        self.state().present = false;
    }

    /// Goes on to [`Phase::Removing`], unless somebody has it open.
    pub(super) fn begin_removing(&self) -> bool {
        let mut state = self.state();
        let free = state.open == 0;
        if free {
            state.phase = Phase::Removing;
        }
        free
    }

    /// A file is about to be opened on it.
    ///
    /// # Errors
    /// `STATUS_NO_SUCH_DEVICE` before it is started ("the PnP manager fails create requests for
    /// the device until the `IRP_MN_START_DEVICE` IRP completes", says the page of
    /// `IoSetDeviceInterfaceState`) and once it is gone.
    pub(crate) fn begin_open(&self) -> Result<(), i32> {
        let mut state = self.state();
        match state.phase {
            Phase::Started | Phase::StopPending | Phase::Stopped | Phase::RemovePending => {
                state.open += 1;
                Ok(())
            }
            Phase::NotStarted | Phase::SurpriseRemoved | Phase::Removing => {
                Err(nt::STATUS_NO_SUCH_DEVICE)
            }
        }
    }

    /// A file that was open on it is gone. The last one lets a surprise removal go on.
    pub(crate) fn end_open(self: &Arc<Self>) {
        let last = {
            let mut state = self.state();
            state.open = state.open.saturating_sub(1);
            state.open == 0 && state.phase == Phase::SurpriseRemoved
        };
        if last {
            let node = Arc::clone(self);
            worker::post(move || remove::finish_surprise_removal(&node));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_started_can_be_opened_and_open_files_hold_up_removal() {
        let node = DeviceNode::new("ROOT\\X\\0000".to_owned(), Installation::bare("x"));
        assert_eq!(node.begin_open(), Err(nt::STATUS_NO_SUCH_DEVICE));
        node.set_phase(Phase::Started);
        assert_eq!(node.begin_open(), Ok(()));
        assert!(!node.begin_removing());
        assert_eq!(node.phase(), Phase::Started);
        node.end_open();
        assert!(node.begin_removing());
        assert_eq!(node.begin_open(), Err(nt::STATUS_NO_SUCH_DEVICE));
    }
}
