//! Queries, and STOP_DEVICE.

use pagewise_lab_nt::{NT_SUCCESS, NTSTATUS, STATUS_SUCCESS};

use crate::abi::{EvtDeviceStatus, power_device_state};
use crate::device::Device;
use crate::kernel::irp::Irp;
use crate::object::{Instance, to_handle};

use super::power::leave_d0;
use super::remove;
use super::start::release_hardware;
use super::state::Phase;

/// QUERY_REMOVE_DEVICE and QUERY_STOP_DEVICE: the driver may refuse.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn query(device: &Instance<Device>, irp: Irp, callback: Option<EvtDeviceStatus>) -> NTSTATUS {
    let started = device.pnp.lock().phase == Phase::Started;
    if let Some(callback) = callback.filter(|_| started) {
        // SAFETY: the client's callback, with its device.
        let status = unsafe { callback(to_handle(device)) };
        if !NT_SUCCESS(status) {
            return irp.complete_with(status);
        }
    }
    irp.set_status(STATUS_SUCCESS);
    irp.skip_to(device.attached())
}

/// STOP_DEVICE: power down, `EvtDeviceReleaseHardware`, then the bus.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn stop(device: &Instance<Device>, irp: Irp) -> NTSTATUS {
    if device.pnp.lock().phase == Phase::Started {
        leave_d0(device, power_device_state::D3_FINAL);
        if NT_SUCCESS(release_hardware(device)) {
            device.pnp.lock().phase = Phase::Stopped;
        } else {
            remove::fail(device);
        }
    }
    irp.set_status(STATUS_SUCCESS);
    irp.skip_to(device.attached())
}
