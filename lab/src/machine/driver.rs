//! A driver's life: load, `DriverEntry`, `DriverUnload`, unload.

use std::iter;

use pagewise_lab_nt as nt;

use crate::image::{self, Image};
use crate::io::Driver;
use crate::ke::{apc, dpc, irql};
use crate::registry;

/// A driver that is loaded and has said yes.
#[derive(Debug)]
pub(super) struct Loaded {
    driver: Driver,
    image: &'static Image,
}

/// A string that a driver may look at during a call.
struct Path {
    units: Vec<u16>,
}

impl Path {
    fn of_service(service: &str) -> Self {
        Self { units: registry::service_path(service).encode_utf16().collect() }
    }

    fn counted(&self) -> nt::UNICODE_STRING {
        nt::unicode_string(&self.units).unwrap_or(nt::UNICODE_STRING {
            Length: 0,
            MaximumLength: 0,
            Buffer: std::ptr::null_mut(),
        })
    }
}

/// Calls `DllInitialize` of a library that drivers import from; success where it has none.
///
/// # IRQL
/// `PASSIVE_LEVEL`, in a system thread.
pub(super) fn initialize_library(image: &'static Image, service: &str) -> i32 {
    let path = Path::of_service(service);
    let mut counted = path.counted();
    // SAFETY: the string is a local, and the loader has bound the image's imports.
    let status = unsafe { image::dll_initialize(image, &raw mut counted) };
    status.unwrap_or(nt::STATUS_SUCCESS)
}

impl Loaded {
    /// Makes the driver object and calls `DriverEntry`; where that succeeds, the discardable
    /// sections go
    /// (learn.microsoft.com/windows-hardware/drivers/kernel/writing-a-driverentry-routine).
    ///
    /// # Errors
    /// NTSTATUS of `DriverEntry`; the image is unloaded then.
    ///
    /// # IRQL
    /// `PASSIVE_LEVEL`, in a system thread.
    pub(super) fn start(image: &'static Image, service: &str) -> Result<Self, i32> {
        type Entry =
            unsafe extern "win64" fn(*mut nt::DRIVER_OBJECT, *mut nt::UNICODE_STRING) -> i32;
        let driver = Driver::create(service, Some(image));
        let address = std::ptr::with_exposed_provenance::<()>(image.entry_point());
        // SAFETY: the entry point of a driver's image is its DriverEntry, of this type.
        let entry = unsafe { std::mem::transmute::<*const (), Entry>(address) };
        driver.set_entry(Some(entry));
        let path = Path::of_service(service);
        let mut counted = path.counted();
        let (irql, apcs) = (irql::current(), apc::disabled());
        // SAFETY: the image is mapped, relocated and bound; the arguments live during the call.
        let status = unsafe { entry(driver.as_ptr(), &raw mut counted) };
        irql::expect(irql, image.entry_point(), driver.as_ptr().addr());
        apc::expect(apcs, image.entry_point());
        let loaded = Self { driver, image };
        if status < 0 {
            loaded.let_go();
            return Err(status);
        }
        driver.fill_in_dispatch();
        if driver.add_device().is_some() {
            driver.set_flags(driver.flags() & !nt::DRVO_LEGACY_DRIVER);
        }
        let mut device = driver.first();
        while let Some(it) = device {
            it.set_flags(it.flags() & !nt::DO_DEVICE_INITIALIZING);
            device = it.next();
        }
        image::discard_init(image);
        Ok(loaded)
    }

    pub(super) fn driver(&self) -> Driver {
        self.driver
    }

    /// Whether something keeps it from being unloaded: a device, or for a driver that makes its
    /// devices itself, an open one; those it deletes in `DriverUnload`.
    pub(super) fn is_needed(&self) -> bool {
        let mut devices = iter::successors(self.driver.first(), |device| device.next());
        if self.driver.flags() & nt::DRVO_LEGACY_DRIVER == 0 {
            return devices.next().is_some();
        }
        devices.any(|device| device.reference_count() > 0 || device.attached().is_some())
    }

    /// Calls `DriverUnload` and unloads the image.
    ///
    /// # Errors
    /// `STATUS_INVALID_DEVICE_REQUEST` where there is no such routine; the driver stays.
    ///
    /// # IRQL
    /// `PASSIVE_LEVEL`, in a system thread.
    pub(super) fn stop(self) -> Result<(), (Self, i32)> {
        let Some(unload) = self.driver.unload() else {
            return Err((self, nt::STATUS_INVALID_DEVICE_REQUEST));
        };
        self.driver.set_flags(self.driver.flags() | nt::DRVO_UNLOAD_INVOKED);
        let (irql, apcs) = (irql::current(), apc::disabled());
        // SAFETY: DriverUnload takes its own driver object, of which no device exists.
        unsafe { unload(self.driver.as_ptr()) };
        let address = unload as *const () as usize;
        irql::expect(irql, address, self.driver.as_ptr().addr());
        apc::expect(apcs, address);
        self.report_devices();
        self.let_go();
        Ok(())
    }

    /// Says which devices `DriverUnload` has left behind: whoever opens one calls code that is gone.
    fn report_devices(&self) {
        for device in iter::successors(self.driver.first(), |device| device.next()) {
            let name = device.name().map(String::from_utf16_lossy);
            let name = name.unwrap_or_else(|| "a device without a name".to_owned());
            eprintln!("{} was unloaded and has not deleted {name}", self.image.name());
        }
    }

    /// The driver's code is not called any more.
    fn let_go(self) {
        dpc::flush();
        // SAFETY: the reference of its creation, and the driver object is not used any more.
        unsafe { self.driver.release() };
        // What was left behind was said on stderr.
        image::unload(self.image);
    }
}
