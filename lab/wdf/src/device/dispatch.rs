//! Where every IRP of a client's devices arrives.

use core::ptr::NonNull;

use pagewise_lab_nt::{
    DEVICE_OBJECT, IRP, IRP_MJ_CLEANUP, IRP_MJ_CLOSE, IRP_MJ_CREATE, IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_PNP, IRP_MJ_POWER, IRP_MJ_READ, IRP_MJ_SHUTDOWN,
    IRP_MJ_SYSTEM_CONTROL, IRP_MJ_WRITE, IRP_MN_REMOVE_DEVICE, NT_SUCCESS, NTSTATUS,
    STATUS_INVALID_DEVICE_REQUEST, STATUS_SUCCESS,
};

use crate::file;
use crate::kernel::irp::Irp;
use crate::object::{Instance, to_handle};
use crate::pnp;
use crate::queue;

use super::body::{Device, DeviceExtension, extension_of};

const PNP: u8 = IRP_MJ_PNP as u8;
const POWER: u8 = IRP_MJ_POWER as u8;
const SYSTEM_CONTROL: u8 = IRP_MJ_SYSTEM_CONTROL as u8;
const CREATE: u8 = IRP_MJ_CREATE as u8;
const CLEANUP: u8 = IRP_MJ_CLEANUP as u8;
const CLOSE: u8 = IRP_MJ_CLOSE as u8;
const SHUTDOWN: u8 = IRP_MJ_SHUTDOWN as u8;
const READ: u8 = IRP_MJ_READ as u8;
const WRITE: u8 = IRP_MJ_WRITE as u8;
const DEVICE_CONTROL: u8 = IRP_MJ_DEVICE_CONTROL as u8;
const INTERNAL_DEVICE_CONTROL: u8 = IRP_MJ_INTERNAL_DEVICE_CONTROL as u8;

/// Whether the remove lock is held while the IRP is in the driver. PnP, power and WMI requests
/// can arrive while the device is removed; of all others, whoever sends them keeps the device.
pub fn requires_remove_lock(irp: Irp) -> bool {
    matches!(irp.major(), PNP | POWER | SYSTEM_CONTROL) && !is_remove(irp)
}

fn is_remove(irp: Irp) -> bool {
    irp.major() == PNP && irp.minor() == IRP_MN_REMOVE_DEVICE as u8
}

/// The dispatch routine of every major function.
///
/// # Safety
/// Called by the I/O manager.
///
/// # IRQL
/// What the request allows.
pub unsafe extern "win64" fn dispatch(object: *mut DEVICE_OBJECT, irp: *mut IRP) -> NTSTATUS {
    let Some(irp) = NonNull::new(irp) else { return STATUS_INVALID_DEVICE_REQUEST };
    // SAFETY: the IRP was dispatched to this driver.
    let irp = unsafe { Irp::new(irp) };
    // SAFETY: the I/O manager calls with a device object of the driver's.
    let Some(extension) = (unsafe { extension_of(object) }) else {
        return irp.complete_with(STATUS_INVALID_DEVICE_REQUEST);
    };
    if requires_remove_lock(irp) || is_remove(irp) {
        let status = extension.acquire(irp.as_ptr());
        if !NT_SUCCESS(status) {
            return irp.complete_with(status);
        }
        if is_remove(irp) {
            // Its handler takes the lock itself, after a preprocess callback had its turn.
            extension.release(irp.as_ptr());
        }
    }
    preprocess(extension, irp).unwrap_or_else(|| dispatch_worker(extension, irp))
}

fn preprocess(extension: &DeviceExtension, irp: Irp) -> Option<NTSTATUS> {
    let device = extension.device();
    let table = device.preprocess.as_ref()?;
    let entry = table.get(usize::from(irp.major())).copied().flatten()?;
    if !entry.takes(irp.minor()) {
        return None;
    }
    let locked = requires_remove_lock(irp);
    // SAFETY: the client's callback, with its device and the IRP, which it has from here on.
    let status = unsafe { (entry.callback)(to_handle(device), irp.as_ptr()) };
    if locked {
        extension.release(irp.as_ptr());
    }
    Some(status)
}

/// Handles an IRP that was preprocessed, or that needs no preprocessing. The remove lock is held
/// where it is needed.
pub fn dispatch_worker(extension: &DeviceExtension, irp: Irp) -> NTSTATUS {
    let device = extension.device();
    match irp.major() {
        PNP => pnp::dispatch(extension, irp),
        POWER => pnp::dispatch_power(extension, irp),
        CREATE => file::create(device, irp),
        CLEANUP => file::cleanup(device, irp),
        CLOSE => file::close(device, irp),
        READ | WRITE | DEVICE_CONTROL | INTERNAL_DEVICE_CONTROL => queue::dispatch(device, irp),
        SHUTDOWN => irp.complete_with(STATUS_SUCCESS),
        SYSTEM_CONTROL => {
            let (lower, pointer) = (device.attached(), irp.as_ptr());
            let status = if lower.is_null() {
                irp.complete_with(STATUS_INVALID_DEVICE_REQUEST)
            } else {
                irp.skip_to(lower)
            };
            extension.release(pointer);
            status
        }
        _ => default(device, irp),
    }
}

/// What the driver does not know: a filter passes it on, others refuse it.
fn default(device: &Instance<Device>, irp: Irp) -> NTSTATUS {
    if device.filter && !device.attached().is_null() {
        irp.skip_to(device.attached())
    } else {
        irp.complete_with(STATUS_INVALID_DEVICE_REQUEST)
    }
}
