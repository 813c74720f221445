//! An NT host in a few fields, for the tests of what is done in which order, and of what is undone.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Host, Trust};
use crate::error::Error;
use crate::status::Win32;

/// What is wrong with the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    NotElevated,
    /// Making the node fails.
    NoNode,
    /// Installing the INF fails.
    Untrusted,
    /// It succeeds, and does nothing.
    InstallsNothing,
    /// The driver's device has a problem.
    DoesNotStart,
    /// The device never appears, and nobody says why.
    Silent,
    /// It appears late.
    Late,
    /// It appears after a restart.
    NeedsRestart,
    /// The node cannot be removed.
    NodeStays,
    /// The device never appears, and its package cannot be removed.
    SilentAndStays,
    /// The service goes late.
    ServiceLingers,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) nodes: Vec<String>,
    pub(super) infs: Vec<String>,
    pub(super) service: bool,
    pub(super) files: Vec<String>,
    pub(super) trusted: Vec<Trust>,
    /// Pauses so far.
    pub(super) waited: u32,
    lingers: u32,
    /// What was done, in order.
    pub(super) done: Vec<&'static str>,
}

pub(super) struct Fake {
    pub(super) fault: Fault,
    state: Mutex<State>,
}

impl Fake {
    pub(super) fn new(fault: Fault) -> Self {
        Self { fault, state: Mutex::default() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing of the driver is there.
    pub(super) fn is_clean(&self) -> bool {
        let state = self.state();
        state.nodes.is_empty()
            && state.infs.is_empty()
            && !state.service
            && state.files.is_empty()
            && state.trusted.is_empty()
    }

    fn fail<T>(&self, operation: &str, code: u32) -> Result<T, Error> {
        Err(Error::Win32 { operation: operation.to_owned(), code: Win32(code) })
    }
}

impl Host for Fake {
    fn is_elevated(&self) -> bool {
        self.fault != Fault::NotElevated
    }

    fn nodes(&self) -> Result<Vec<String>, Error> {
        Ok(self.state().nodes.clone())
    }

    fn create_node(&self, _inf: &Path) -> Result<String, Error> {
        if self.fault == Fault::NoNode {
            return self.fail("SetupDiCreateDeviceInfo", 5);
        }
        let node = r"ROOT\PAGEWISE\0000".to_owned();
        self.state().nodes.push(node.clone());
        Ok(node)
    }

    fn remove_node(&self, node: &str) -> Result<bool, Error> {
        if self.fault == Fault::NodeStays {
            return self.fail("SetupDiCallClassInstaller(DIF_REMOVE)", 5);
        }
        let mut state = self.state();
        state.nodes.retain(|other| other != node);
        state.done.push("node");
        Ok(false)
    }

    fn install_inf(&self, _inf: &Path) -> Result<bool, Error> {
        match self.fault {
            Fault::Untrusted => return self.fail("UpdateDriverForPlugAndPlayDevices", 0x800b_0109),
            Fault::InstallsNothing => return Ok(false),
            _ => {}
        }
        let mut state = self.state();
        if state.infs.is_empty() {
            state.infs.push("oem3.inf".to_owned());
        }
        state.service = true;
        state.files = vec!["pagewise.sys".to_owned()];
        Ok(self.fault == Fault::NeedsRestart)
    }

    fn infs(&self) -> Result<Vec<String>, Error> {
        Ok(self.state().infs.clone())
    }

    fn remove_inf(&self, name: &str) -> Result<(), Error> {
        if self.fault == Fault::SilentAndStays {
            return self.fail("SetupUninstallOEMInf", 0xe000_023d);
        }
        let mut state = self.state();
        state.infs.retain(|other| other != name);
        state.done.push("package");
        Ok(())
    }

    fn service_of(&self, node: &str) -> Result<Option<String>, Error> {
        let state = self.state();
        let there = state.service && state.nodes.iter().any(|other| other == node);
        Ok(there.then(|| "Pagewise".to_owned()))
    }

    fn problem_of(&self, _node: &str) -> Result<Option<u32>, Error> {
        // Some problems pass while the device is set up.
        let passing = self.fault == Fault::Late && self.state().waited < 5;
        Ok((self.fault == Fault::DoesNotStart || passing).then_some(52))
    }

    fn interfaces(&self) -> Result<Vec<String>, Error> {
        let state = self.state();
        let appears = match self.fault {
            Fault::DoesNotStart | Fault::Silent | Fault::SilentAndStays | Fault::NeedsRestart => {
                false
            }
            Fault::Late => state.waited >= 10,
            _ => true,
        };
        let there = appears && state.service && !state.nodes.is_empty();
        Ok(there.then(|| r"\\?\root#pagewise#0000".to_owned()).into_iter().collect())
    }

    fn service(&self) -> Result<Option<String>, Error> {
        let state = self.state();
        let lingers = state.lingers > state.waited;
        Ok((state.service || lingers).then(|| "pagewise.sys".to_owned()))
    }

    fn remove_service(&self) -> Result<(), Error> {
        let mut state = self.state();
        state.service = false;
        state.done.push("service");
        if self.fault == Fault::ServiceLingers {
            state.lingers = state.waited + 5;
        }
        Ok(())
    }

    fn files(&self) -> Result<Vec<String>, Error> {
        Ok(self.state().files.clone())
    }

    fn remove_file(&self, path: &str) -> Result<(), Error> {
        self.state().files.retain(|other| other != path);
        Ok(())
    }

    fn trust(&self, _certificate: &Path) -> Result<Vec<Trust>, Error> {
        let mut state = self.state();
        if !state.trusted.is_empty() {
            return Ok(Vec::new());
        }
        let trust = Trust { store: "Root".to_owned(), thumbprint: "00".to_owned() };
        state.trusted.push(trust.clone());
        Ok(vec![trust])
    }

    fn trusted(&self) -> Result<Vec<Trust>, Error> {
        Ok(self.state().trusted.clone())
    }

    fn distrust(&self, trust: &Trust) -> Result<(), Error> {
        self.state().trusted.retain(|other| other != trust);
        Ok(())
    }

    fn pause(&self, _time: Duration) {
        self.state().waited += 1;
    }
}
