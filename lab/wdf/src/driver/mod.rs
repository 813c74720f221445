//! The driver object.

mod api;
mod unload;

pub use api::*;
pub use unload::{destroy, unload};

use core::ffi::c_void;

use pagewise_lab_nt::{
    DEVICE_OBJECT, DRIVER_OBJECT, IRP_MJ_MAXIMUM_FUNCTION, IoAllocateDriverObjectExtension,
    IoGetDriverObjectExtension, NT_SUCCESS, NTSTATUS, STATUS_INSUFFICIENT_RESOURCES,
    STATUS_SUCCESS, STATUS_UNSUCCESSFUL,
};

use crate::abi::{DriverConfig, driver_init};
use crate::device::{DeviceInit, dispatch, finish_add, undo_add};
use crate::globals::Globals;
use crate::kernel::string::PoolString;
use crate::object::{Instance, Kind, Level, Object, Scope, to_handle};

/// A driver.
pub struct Driver {
    config: DriverConfig,
    registry_path: PoolString,
    level: Level,
    scope: Scope,
}

// SAFETY: the one body of this kind.
unsafe impl Object for Driver {
    const KIND: Kind = Kind::Driver;
    const PASSIVE: bool = true;
    const DELETABLE: bool = false;
}

impl Driver {
    /// Where the registry keeps the driver's service.
    pub fn registry_path(&self) -> &PoolString {
        &self.registry_path
    }

    /// The execution level that its objects inherit.
    pub fn level(&self) -> Level {
        self.level
    }

    /// The synchronization scope that its objects inherit.
    pub fn scope(&self) -> Scope {
        self.scope
    }
}

/// What names this framework's extension of a driver object: its own address.
static EXTENSION: u8 = 0;

fn extension_id() -> *mut c_void {
    (&raw const EXTENSION).cast_mut().cast()
}

/// The client that a driver object belongs to.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn client_of<'a>(driver_object: *mut DRIVER_OBJECT) -> Option<&'a Globals> {
    // SAFETY: a driver object of the I/O manager's.
    let extension = unsafe { IoGetDriverObjectExtension(driver_object, extension_id()) };
    let extension = extension.cast::<*const Globals>();
    if extension.is_null() {
        return None;
    }
    // SAFETY: written by `hook`; the globals live until the client is unbound, at unload.
    let globals = unsafe { extension.read() };
    // SAFETY: as above.
    unsafe { globals.as_ref() }
}

/// Has the kernel call the framework in the driver's place.
///
/// # Errors
/// `STATUS_INSUFFICIENT_RESOURCES`, `STATUS_OBJECT_NAME_COLLISION`
///
/// # IRQL
/// PASSIVE_LEVEL.
fn hook(globals: &Globals, config: &DriverConfig) -> NTSTATUS {
    let driver_object = globals.driver_object();
    let mut extension = core::ptr::null_mut();
    // SAFETY: the client's driver object; room for one pointer.
    let status = unsafe {
        IoAllocateDriverObjectExtension(
            driver_object,
            extension_id(),
            size_of::<*const Globals>() as u32,
            &raw mut extension,
        )
    };
    if !NT_SUCCESS(status) {
        return status;
    }
    if extension.is_null() {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    // SAFETY: just allocated for a pointer.
    unsafe { extension.cast::<*const Globals>().write(globals) };
    if config.flags & driver_init::NO_DISPATCH_OVERRIDE != 0 {
        return STATUS_SUCCESS;
    }
    let pnp = config.flags & driver_init::NON_PNP == 0;
    // SAFETY: the client's driver object, which nobody uses before DriverEntry returns.
    let object = unsafe { &mut *driver_object };
    for routine in &mut object.MajorFunction[..=IRP_MJ_MAXIMUM_FUNCTION as usize] {
        *routine = Some(dispatch);
    }
    object.DriverUnload = (pnp || config.unload.is_some()).then_some(unload as _);
    // SAFETY: every driver object has an extension.
    let extension = unsafe { &mut *object.DriverExtension };
    extension.AddDevice = pnp.then_some(add_device as _);
    STATUS_SUCCESS
}

/// `AddDevice`: makes the device by `EvtDriverDeviceAdd`.
unsafe extern "win64" fn add_device(
    driver_object: *mut DRIVER_OBJECT,
    physical: *mut DEVICE_OBJECT,
) -> NTSTATUS {
    let driver = client_of(driver_object).and_then(Globals::driver);
    let Some(driver) = driver else { return STATUS_UNSUCCESSFUL };
    let Some(device_add) = driver.config.device_add else { return STATUS_SUCCESS };
    let mut init = DeviceInit::for_fdo(driver, physical);
    // SAFETY: the client's callback, with its driver and what it is to fill.
    let status = unsafe { device_add(to_handle(driver), init.as_handle()) };
    let (created, filter) = (init.take_created(), init.is_filter());
    match created {
        Some(device) if NT_SUCCESS(status) => {
            finish_add(&device);
            status
        }
        Some(device) => {
            undo_add(&device);
            status
        }
        // A filter that does not care for a device must not keep the stack from starting.
        None if filter && !NT_SUCCESS(status) => STATUS_SUCCESS,
        None => status,
    }
}

/// The driver as a typed instance, for callers that have a handle.
///
/// # Safety
/// As for [`from_handle`](crate::object::from_handle).
unsafe fn driver_of<'a>(driver: crate::abi::Handle) -> &'a Instance<Driver> {
    // SAFETY: the caller vouches for the handle.
    unsafe { crate::object::from_handle(driver) }
}
