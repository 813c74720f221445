//! Removal.

use pagewise_lab_nt::{NTSTATUS, STATUS_SUCCESS};

use crate::abi::power_device_state;
use crate::device::{Device, DeviceExtension, delete_link, delete_object};
use crate::kernel::irp::Irp;
use crate::object::{Instance, Ref, delete, destroy_children, dispose, drain, to_handle};
use crate::queue::power::{purge_managed, purge_not_managed};

use super::power::leave_d0;
use super::start::release_hardware;
use super::state::{Phase, SelfManaged};

/// The device failed to start: what it has of the hardware is released, its interfaces go, its
/// power-managed queues are purged. It waits for its removal.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn fail(device: &Instance<Device>) {
    release_hardware(device);
    clean_up(device);
    device.pnp.lock().phase = Phase::Failed;
}

/// What every way out does after the hardware is released.
fn clean_up(device: &Instance<Device>) {
    device.interfaces.disable();
    delete_link(device);
    purge_managed(device);
    if device.pnp.lock().self_managed == SelfManaged::Fresh {
        return;
    }
    if let Some(callback) = device.callbacks.self_managed_io_flush {
        // SAFETY: the client's callback, with its device.
        unsafe { callback(to_handle(device)) };
    }
}

/// SURPRISE_REMOVAL: `EvtDeviceSurpriseRemoval` first; then, if it was started, the device goes
/// down as far as without its removal.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn surprise(device: &Instance<Device>, irp: Irp) -> NTSTATUS {
    let phase = device.pnp.lock().phase;
    if !matches!(phase, Phase::Created | Phase::Added | Phase::Removed)
        && let Some(callback) = device.callbacks.surprise_removal
    {
        // SAFETY: the client's callback, with its device.
        unsafe { callback(to_handle(device)) };
    }
    if matches!(phase, Phase::Started | Phase::Stopped) {
        leave_d0(device, power_device_state::D3_FINAL);
        fail(device);
    }
    irp.set_status(STATUS_SUCCESS);
    irp.skip_to(device.attached())
}

/// REMOVE_DEVICE, the last IRP a device gets.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn remove(extension: &DeviceExtension, device: &Ref<Device>, irp: Irp) -> NTSTATUS {
    let status = extension.acquire(irp.as_ptr());
    if status < 0 {
        return irp.complete_with(status);
    }
    irp.set_status(STATUS_SUCCESS);
    let phase = device.pnp.lock().phase;
    if matches!(phase, Phase::Started | Phase::Stopped) {
        leave_d0(device, power_device_state::D3_FINAL);
        release_hardware(device);
        clean_up(device);
    }
    purge_not_managed(device);
    let self_managed = device.pnp.lock().self_managed;
    if self_managed != SelfManaged::Fresh
        && let Some(callback) = device.callbacks.self_managed_io_cleanup
    {
        // SAFETY: the client's callback, with its device.
        unsafe { callback(to_handle(device)) };
    }
    device.pnp.lock().phase = Phase::Removed;
    dispose(device.header());
    destroy_children(device.header());
    drain(device.globals());
    extension.release_and_wait(irp.as_ptr());
    let status = irp.skip_to(device.attached());
    delete_object(device);
    delete(device.header());
    status
}
