//! Installing the driver and its device, and leaving nothing behind.
//!
//! What has to be done, in which order, and what to undo, is here and the same everywhere; what an
//! NT host does of it is behind [`Host`].

#[cfg(test)]
mod fake;
#[cfg(unix)]
#[path = "unix.rs"]
mod host;
#[cfg(windows)]
#[path = "windows/mod.rs"]
mod host;
mod install;
mod package;
#[cfg(test)]
mod tests;
mod uninstall;

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

pub use host::this_host;
pub use install::{Installed, install, replug};
pub use package::Package;
pub use uninstall::{Removed, Uninstalled, uninstall};

use crate::error::Error;

/// The hardware id that the INF installs.
pub const HARDWARE_ID: &str = r"ROOT\PAGEWISE";
/// The driver's service.
pub const SERVICE: &str = "pagewise";

/// What installing needs of an NT host.
pub trait Host: Send + Sync {
    /// Whether this program may change the system.
    fn is_elevated(&self) -> bool;

    /// Instance ids of the device nodes with the driver's hardware id, present or not.
    ///
    /// # Errors
    /// [`Error::Win32`], as all the others.
    fn nodes(&self) -> Result<Vec<String>, Error>;

    /// Makes a device node of the setup class that the INF names. Returns its instance id.
    ///
    /// # Errors
    /// [`Error::Win32`]
    fn create_node(&self, inf: &Path) -> Result<String, Error>;

    /// Removes a node, and with it the device. Tells whether the system has to restart for that.
    ///
    /// # Errors
    /// [`Error::Win32`]
    fn remove_node(&self, node: &str) -> Result<bool, Error>;

    /// Installs the INF on every node with the hardware id. Tells whether the system has to
    /// restart.
    ///
    /// # Errors
    /// [`Error::Win32`]
    fn install_inf(&self, inf: &Path) -> Result<bool, Error>;

    /// Published names of the driver's INFs, such as `oem3.inf`.
    ///
    /// # Errors
    /// [`Error::Win32`]
    fn infs(&self) -> Result<Vec<String>, Error>;

    /// Takes an INF and what belongs to it out of the driver store.
    ///
    /// # Errors
    /// [`Error::Win32`]
    fn remove_inf(&self, name: &str) -> Result<(), Error>;

    /// The service of a node, if a driver is installed on it.
    ///
    /// # Errors
    /// [`Error::Win32`]
    fn service_of(&self, node: &str) -> Result<Option<String>, Error>;

    /// The problem that keeps a node's device from working, where the host tells one.
    ///
    /// # Errors
    /// [`Error::Win32`]
    fn problem_of(&self, node: &str) -> Result<Option<u32>, Error>;

    /// Paths of the device interfaces that are enabled.
    ///
    /// # Errors
    /// [`Error::Win32`]
    fn interfaces(&self) -> Result<Vec<String>, Error>;

    /// Path of the image of the driver's service, if there is the service.
    ///
    /// # Errors
    /// [`Error::Win32`]
    fn service(&self) -> Result<Option<String>, Error>;

    /// Stops the service and deletes it.
    ///
    /// # Errors
    /// [`Error::Win32`]
    fn remove_service(&self) -> Result<(), Error>;

    /// Files of the driver outside the driver store that the host put there.
    ///
    /// # Errors
    /// [`Error::Win32`]
    fn files(&self) -> Result<Vec<String>, Error>;

    /// Deletes one of them.
    ///
    /// # Errors
    /// [`Error::Win32`]
    fn remove_file(&self, path: &str) -> Result<(), Error>;

    /// Trusts a certificate, and takes note of what that added. Returns what it added: nothing
    /// where it was trusted before.
    ///
    /// # Errors
    /// [`Error::Win32`]
    fn trust(&self, certificate: &Path) -> Result<Vec<Trust>, Error>;

    /// What [`Host::trust`] took note of and is still there.
    ///
    /// # Errors
    /// [`Error::Win32`]
    fn trusted(&self) -> Result<Vec<Trust>, Error>;

    /// Removes a certificate that was added, and the note.
    ///
    /// # Errors
    /// [`Error::Win32`]
    fn distrust(&self, trust: &Trust) -> Result<(), Error>;

    /// Lets time pass.
    fn pause(&self, time: Duration);
}

/// A certificate in a store of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trust {
    /// `Root` or `TrustedPublisher`.
    pub store: String,
    /// SHA-1 of the certificate, in hexadecimal, as certificate stores name it.
    pub thumbprint: String,
}
