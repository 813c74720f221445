//! Why the machine does not do what it is asked.

use std::io;
use std::path::PathBuf;

use crate::image::LoadError;
use crate::pnp::inf::InfError;
use crate::registry::KeyError;

/// Why the machine did not boot.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The memory manager could not get what it needs of the host.
    #[error("the memory manager cannot start on this host")]
    MemoryManager(#[source] io::Error),
    /// The INF cannot be used.
    #[error("cannot install the driver")]
    Inf(#[from] InfError),
    /// The INF names a registry key badly.
    #[error("the INF's registry values cannot be stored; check the subkeys of its AddReg sections")]
    Registry(#[from] KeyError),
    /// The driver or its framework cannot be loaded, or the device cannot be enumerated.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// Code of the driver or its framework ran and failed.
    #[error("{what} failed with NTSTATUS {status:#010x}; what the driver printed stands above")]
    Failed {
        /// What failed.
        what: &'static str,
        /// The NTSTATUS.
        status: u32,
    },
    /// There is one machine a process.
    #[error("this process has a machine already; start another process for another one")]
    Twice,
}

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// An image cannot be read.
    #[error("cannot read the image {path}; build it with `cargo xtask build`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the host said.
        #[source]
        source: io::Error,
    },
    /// An image cannot be loaded.
    #[error("cannot load {path}: {source}")]
    Image {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: LoadError,
    },
    /// The driver is loaded.
    #[error("the driver is loaded already; unload it first")]
    AlreadyLoaded,
    /// The driver is not loaded.
    #[error("the driver is not loaded; load it first")]
    NotLoaded,
    /// The driver has devices.
    #[error("the driver still has devices; unplug them, and close what is open, first")]
    HasDevices,
    /// The device is there.
    #[error("the device is plugged in already; unplug it first")]
    AlreadyPlugged,
    /// The device is not there.
    #[error("no device is plugged in; plug it in first")]
    NotPlugged,
    /// A key of the registry cannot be made.
    #[error("the device's registry keys cannot be made: {0}")]
    Registry(#[from] KeyError),
}
