//! The end of a driver.

use pagewise_lab_nt::DRIVER_OBJECT;

use crate::abi::Handle;
use crate::globals::Globals;
use crate::object::{delete, drain, to_handle};

use super::client_of;

/// `DriverUnload`: `EvtDriverUnload`, then the driver and everything below it is deleted.
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
    destroy(globals);
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
