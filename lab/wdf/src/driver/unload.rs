//! The end of a driver.

use pagewise_lab_nt::DRIVER_OBJECT;

use crate::abi::Handle;
use crate::device::{delete_control_device, device_of};
use crate::globals::Globals;
use crate::object::{delete, drain, to_handle};

use super::client_of;

/// `DriverUnload`: `EvtDriverUnload`, then the control devices, the driver and everything below it is deleted.
///
/// # Safety
/// Called by the kernel, or by the stub that put itself before.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn unload(driver_object: *mut DRIVER_OBJECT) {
    let Some(globals) = client_of(driver_object) else { return };
    if let Some(driver) = globals.driver()
        && let Some(callback) = driver.config.unload
    {
        // SAFETY: the client's callback, with its own driver.
        unsafe { callback(to_handle(driver)) };
    }
    delete_control_devices(driver_object);
    destroy(globals);
}

/// A driver's control devices go with it, after its `EvtDriverUnload`
/// (learn.microsoft.com/windows-hardware/drivers/wdf/using-control-device-objects).
fn delete_control_devices(driver_object: *mut DRIVER_OBJECT) {
    // SAFETY: the kernel's driver object, which outlives its devices.
    let mut object = unsafe { (*driver_object).DeviceObject };
    while !object.is_null() {
        // SAFETY: a device of the driver's, from its list.
        let next = unsafe { (*object).NextDevice };
        // SAFETY: as above.
        if let Some(device) = unsafe { device_of(object) } {
            delete_control_device(device.header());
        }
        object = next;
    }
}

/// Deletes the driver, if it is still there.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn destroy(globals: &Globals) {
    drain(globals);
    if let Some(driver) = globals.driver() {
        delete(driver.header());
        drain(globals);
        globals.set_driver(None);
        // SAFETY: the client is at its end; nobody else writes its public part.
        unsafe { (*globals.public()).driver = Handle::NULL };
    }
    globals.purge_bug_check_info();
}
