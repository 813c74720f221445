//! START_DEVICE.

use pagewise_lab_nt::{NT_SUCCESS, NTSTATUS, STATUS_INVALID_DEVICE_STATE, STATUS_SUCCESS};

use crate::abi::{Handle, power_device_state};
use crate::device::Device;
use crate::kernel::irp::Irp;
use crate::object::{Instance, to_handle};

use super::power::{enter_d0, leave_d0};
use super::remove;
use super::state::Phase;

/// START_DEVICE: first the bus, then `EvtDevicePrepareHardware`, `EvtDeviceD0Entry`, the
/// power-managed queues, self-managed I/O, and at last the interfaces.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn start(device: &Instance<Device>, irp: Irp) -> NTSTATUS {
    let phase = device.pnp.lock().phase;
    if !matches!(phase, Phase::Added | Phase::Stopped) {
        return irp.complete_with(STATUS_INVALID_DEVICE_STATE);
    }
    irp.set_status(STATUS_SUCCESS);
    let mut status = irp.call_and_wait(device.attached());
    if NT_SUCCESS(status) {
        status = bring_up(device);
    } else {
        remove::fail(device);
    }
    irp.set_status(status);
    irp.complete_as_is()
}

fn bring_up(device: &Instance<Device>) -> NTSTATUS {
    let status = prepare_hardware(device);
    if !NT_SUCCESS(status) {
        remove::fail(device);
        return status;
    }
    let status = enter_d0(device, power_device_state::D3_FINAL);
    if !NT_SUCCESS(status) {
        remove::fail(device);
        return status;
    }
    let status = device.interfaces.enable(device);
    if !NT_SUCCESS(status) {
        leave_d0(device, power_device_state::D3_FINAL);
        remove::fail(device);
        return status;
    }
    device.pnp.lock().phase = Phase::Started;
    STATUS_SUCCESS
}

/// `EvtDevicePrepareHardware`. From the moment it is called, `EvtDeviceReleaseHardware` is owed,
/// even if it fails. The lists of resources are not modelled: a device without hardware has none,
/// and whoever asks for one is told by name.
fn prepare_hardware(device: &Instance<Device>) -> NTSTATUS {
    let Some(callback) = device.callbacks.prepare_hardware else {
        device.pnp.lock().hardware = true;
        return STATUS_SUCCESS;
    };
    device.pnp.lock().hardware = true;
    // SAFETY: the client's callback, with its device.
    unsafe { callback(to_handle(device), Handle::NULL, Handle::NULL) }
}

/// `EvtDeviceReleaseHardware`, if it is owed.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn release_hardware(device: &Instance<Device>) -> NTSTATUS {
    if !core::mem::take(&mut device.pnp.lock().hardware) {
        return STATUS_SUCCESS;
    }
    match device.callbacks.release_hardware {
        // SAFETY: the client's callback, with its device.
        Some(callback) => unsafe { callback(to_handle(device), Handle::NULL) },
        None => STATUS_SUCCESS,
    }
}
