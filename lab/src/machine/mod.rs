//! The machine as a whole: boot, its one driver and its one device, shutdown.

mod driver;
pub(crate) mod end;
mod error;

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};

use pagewise_lab_nt as nt;
use pagewise_lab_wire::Token;

pub use end::take_along;
pub use error::{BootError, CommandError};

use crate::image::{self, Image};
use crate::io::{OpenFile, interface};
use crate::ke::schedule;
use crate::pnp::inf::{self, Installation, Value};
use crate::pnp::{self, Phase, RootBus, worker};
use crate::verifier::low_resources::until_nothing_new_fails;
use crate::{mm, ps, registry};
use driver::Loaded;

/// What to boot.
#[derive(Clone, Debug)]
pub struct Options {
    /// The driver's image.
    pub driver: PathBuf,
    /// The framework's image, for a driver that imports from it.
    pub framework: Option<PathBuf>,
    /// The driver's INF.
    pub inf: Option<PathBuf>,
    /// Values below the service's key, beside the INF's; where both give one, these.
    pub parameters: Vec<Value>,
    /// Whether to load the driver.
    pub load: bool,
    /// Whether to enumerate its device, once it is loaded.
    pub plug: bool,
}

/// The machine. There is one a process.
#[derive(Debug)]
pub struct Machine {
    options: Options,
    installation: Installation,
    driver: Mutex<Option<Loaded>>,
    shutdown: Mutex<bool>,
    shutdown_requested: Condvar,
}

/// Boots the machine: gets the memory manager going, reads the INF, loads the framework and the
/// driver, and starts the device, as far as the options say.
///
/// # Errors
/// [`BootError`]: nothing of the machine is to be used then.
///
/// # IRQL
/// `PASSIVE_LEVEL`; the thread becomes one of the machine's.
pub fn boot(options: Options) -> Result<&'static Machine, BootError> {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    mm::boot().map_err(BootError::MemoryManager)?;
    ps::attach_current();
    let _turn = schedule::arrive();
    let service = options.driver.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let service = service.unwrap_or_else(|| "driver".to_owned());
    let mut installation = match &options.inf {
        Some(path) => inf::read(path)?,
        None => Installation::bare(&service),
    };
    installation.service_values.extend(options.parameters.iter().cloned());
    registry::install_service(
        &installation.service,
        &format!("{service}.sys"),
        &installation.service_values,
    )?;
    let (load, plug) = (options.load, options.plug);
    let machine = Machine {
        options,
        installation,
        driver: Mutex::default(),
        shutdown: Mutex::default(),
        shutdown_requested: Condvar::new(),
    };
    let mut fresh = false;
    let machine = MACHINE.get_or_init(|| {
        fresh = true;
        machine
    });
    if !fresh {
        return Err(BootError::Twice);
    }
    machine.load_framework()?;
    if load {
        succeed(until_nothing_new_fails(|| machine.load())?, "DriverEntry")?;
    }
    if load && plug && machine.takes_devices() {
        succeed(until_nothing_new_fails(|| machine.plug())?, "starting the device")?;
    }
    Ok(machine)
}

fn succeed(status: i32, what: &'static str) -> Result<(), BootError> {
    if status < 0 {
        return Err(BootError::Failed { what, status: status.cast_unsigned() });
    }
    Ok(())
}

impl Machine {
    fn driver(&self) -> MutexGuard<'_, Option<Loaded>> {
        // It is held while the driver is loaded and its device started, which other threads do: with
        // one processor, who waits for it must not keep them from running.
        while schedule::on()
            && let Err(TryLockError::WouldBlock) = self.driver.try_lock()
        {
            schedule::give_way();
        }
        self.driver.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load_framework(&self) -> Result<(), BootError> {
        let Some(path) = &self.options.framework else { return Ok(()) };
        let image = read_image(path)?;
        let status = worker::run(move || driver::initialize_library(image, "wdfldr"));
        succeed(status, "DllInitialize of the framework")
    }

    /// Loads the driver and calls its `DriverEntry`. Its NTSTATUS; where that is a failure, the
    /// driver is not loaded.
    ///
    /// # Errors
    /// [`CommandError::AlreadyLoaded`], or what is wrong with the image.
    pub fn load(&self) -> Result<i32, CommandError> {
        let mut slot = self.driver();
        if slot.is_some() {
            return Err(CommandError::AlreadyLoaded);
        }
        let path = self.options.driver.clone();
        let service = self.installation.service.clone();
        let image = read_image(&path)?;
        match worker::run(move || Loaded::start(image, &service)) {
            Ok(loaded) => {
                *slot = Some(loaded);
                Ok(nt::STATUS_SUCCESS)
            }
            Err(status) => Ok(status),
        }
    }

    /// Calls `DriverUnload`, and unloads the driver. `STATUS_INVALID_DEVICE_REQUEST` where the
    /// driver has no such routine, and cannot be unloaded
    /// (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-driver_unload).
    ///
    /// # Errors
    /// [`CommandError::NotLoaded`], [`CommandError::HasDevices`]
    pub fn unload(&self) -> Result<i32, CommandError> {
        let mut slot = self.driver();
        let loaded = slot.take().ok_or(CommandError::NotLoaded)?;
        // A removal that the last close has started is to be over.
        worker::settle();
        if loaded.is_needed() {
            *slot = Some(loaded);
            return Err(CommandError::HasDevices);
        }
        match worker::run(move || loaded.stop()) {
            Ok(()) => Ok(nt::STATUS_SUCCESS),
            Err((loaded, status)) => {
                *slot = Some(loaded);
                Ok(status)
            }
        }
    }

    /// Whether the driver is loaded and has an `AddDevice` routine: a driver without one is no
    /// driver of Plug and Play, and makes its devices itself.
    #[must_use]
    pub fn takes_devices(&self) -> bool {
        self.driver().as_ref().is_some_and(|loaded| loaded.driver().add_device().is_some())
    }

    /// Enumerates the device: `AddDevice`, `IRP_MN_START_DEVICE`. The NTSTATUS of what failed; the
    /// device is then without drivers.
    ///
    /// # Errors
    /// [`CommandError::NotLoaded`], [`CommandError::AlreadyPlugged`], [`CommandError::Registry`]
    pub fn plug(&self) -> Result<i32, CommandError> {
        let slot = self.driver();
        let driver = slot.as_ref().ok_or(CommandError::NotLoaded)?.driver();
        let installation = self.installation.clone();
        worker::run(move || {
            let present = RootBus::get().children().first().copied();
            let device = match present {
                Some(device) if device.node().is_some_and(|it| it.phase() != Phase::NotStarted) => {
                    return Err(CommandError::AlreadyPlugged);
                }
                Some(device) => device,
                None => match RootBus::get().arrive(installation) {
                    Ok(device) => device,
                    Err(status) => return Ok(status),
                },
            };
            if let Some(node) = device.node() {
                registry::install_device(node.instance_path(), node.installation())?;
            }
            match pnp::add_and_start(device, driver) {
                Ok(()) => Ok(nt::STATUS_SUCCESS),
                Err(error) => {
                    eprintln!("pnp: {error}");
                    Ok(error.status().cast_signed())
                }
            }
        })
    }

    /// Removes the device; by surprise, the rest follows once nobody has it open any more. The
    /// NTSTATUS of what failed: the device then works on.
    ///
    /// # Errors
    /// [`CommandError::NotPlugged`]
    pub fn unplug(&self, surprise: bool) -> Result<i32, CommandError> {
        worker::run(move || {
            let device = RootBus::get().children().first().copied();
            let device = device.ok_or(CommandError::NotPlugged)?;
            let removed = if surprise { pnp::surprise_remove(device) } else { pnp::remove(device) };
            Ok(removed.err().unwrap_or(nt::STATUS_SUCCESS))
        })
    }

    /// Stops the device and starts it again, as a rebalance of resources does. The NTSTATUS of what
    /// failed.
    ///
    /// # Errors
    /// [`CommandError::NotPlugged`]
    pub fn rebalance(&self) -> Result<i32, CommandError> {
        worker::run(|| {
            let device = RootBus::get().children().first().copied();
            let device = device.ok_or(CommandError::NotPlugged)?;
            Ok(pnp::rebalance(device).err().unwrap_or(nt::STATUS_SUCCESS))
        })
    }

    /// Has the bus fail the next start of the device; 0 takes that back.
    pub fn fail_start(&self, status: i32) {
        pnp::fail_next_start(status.cast_unsigned());
    }

    /// Opens the first device with an enabled interface of this class, as `CreateFile` on its
    /// symbolic link does. `class` is the GUID in the Windows memory layout.
    ///
    /// # Errors
    /// `STATUS_OBJECT_NAME_NOT_FOUND` where there is none, and as [`OpenFile::open`].
    ///
    /// # IRQL
    /// `PASSIVE_LEVEL`.
    pub fn open(&self, class: &[u8; 16], desired: u32, token: Token) -> Result<Arc<OpenFile>, i32> {
        let device = interface::find(class)?;
        OpenFile::open(device.device(), desired, token)
    }

    /// Asks the machine to shut down, and returns at once.
    pub fn request_shutdown(&self) {
        *self.shutdown.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shutdown_requested.notify_all();
    }

    /// Waits until the machine is asked to shut down.
    pub fn wait_for_request(&self) {
        let mut requested = self.shutdown.lock().unwrap_or_else(PoisonError::into_inner);
        while !*requested {
            requested =
                self.shutdown_requested.wait(requested).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Removes the device and unloads the driver, as far as open handles let it.
    pub fn shut_down(&self) {
        let _turn = schedule::arrive();
        if matches!(self.unplug(false), Ok(status) if status < 0) {
            // Somebody has it open, so the driver has to stay; both go with the process.
            let _ = self.unplug(true);
            return;
        }
        match self.unload() {
            Ok(_) | Err(CommandError::NotLoaded) => {}
            Err(error) => eprintln!("shutdown: {error}"),
        }
    }
}

fn read_image(path: &PathBuf) -> Result<&'static Image, CommandError> {
    let bytes =
        fs::read(path).map_err(|source| CommandError::Read { path: path.clone(), source })?;
    image::load(path, &bytes).map_err(|source| CommandError::Image { path: path.clone(), source })
}
