//! What is read of a system, before anybody judges it.

use crate::machine::Kind;
use crate::status::Win32;

/// A value, or why it could not be read.
pub type Reading<T> = Result<T, String>;

/// All that is read.
#[derive(Clone, Debug)]
pub struct Readings {
    /// Windows or Wine.
    pub machine: Kind,
    /// Whether this program runs with the rights of an administrator.
    pub elevated: bool,
    /// Version of the system.
    pub windows: Reading<Version>,
    /// The driver's service; none where there is none.
    pub service: Reading<Option<Service>>,
    /// Device nodes with the driver's hardware id.
    pub nodes: Reading<Vec<Node>>,
    /// Paths of the device interfaces that are enabled.
    pub interfaces: Reading<Vec<String>>,
    /// What `WinVerifyTrust` says of the driver's file; none where there is no file.
    pub driver_signature: Reading<Option<Win32>>,
    /// What it says of the package's catalog; none where there is no catalog.
    pub catalog_signature: Reading<Option<Win32>>,
    /// `CodeIntegrityOptions` of `SystemCodeIntegrityInformation`.
    pub code_integrity: Reading<u32>,
    /// Whether memory integrity is switched on in the registry; none where nothing is said.
    pub memory_integrity: Reading<Option<bool>>,
    /// `DisablePagingExecutive` in the registry; none where nothing is said.
    pub disable_paging_executive: Reading<Option<u32>>,
    /// Version of `Wdf01000.sys`; none where there is no such file.
    pub framework: Reading<Option<[u16; 4]>>,
}

/// A version of Windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// 10 for Windows 10 and 11.
    pub major: u32,
    /// 0 for them.
    pub minor: u32,
    /// 19041 for Windows 10 2004.
    pub build: u32,
}

/// The driver's service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// `SERVICE_RUNNING` is 4, `SERVICE_STOPPED` 1.
    pub state: u32,
    /// `SERVICE_DEMAND_START` is 3, `SERVICE_DISABLED` 4.
    pub start: u32,
    /// Path of its image, as it is registered.
    pub image: String,
    /// Whether that file is there.
    pub image_is_there: bool,
}

/// A device node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Instance id.
    pub id: String,
    /// Its service, where a driver is installed on it.
    pub service: Option<String>,
    /// Its problem, where the system tells one.
    pub problem: Option<u32>,
}
