//! Plug and Play, and power.
//!
//! The order of callbacks is that of Windows-Driver-Frameworks:src/framework/shared/irphandlers/
//! pnp (pnpstatemachine.cpp, powerstatemachine.cpp). Where the framework runs its state machines
//! in threads of its own and pends the IRP meanwhile, this one works in the thread that sent it,
//! at PASSIVE_LEVEL: PnP requests of a device come one at a time.

mod power;
mod remove;
mod start;
mod state;
mod stop;

pub use power::dispatch_power;
pub use state::PnpState;

use pagewise_lab_nt::{
    IRP_MN_CANCEL_REMOVE_DEVICE, IRP_MN_CANCEL_STOP_DEVICE, IRP_MN_DEVICE_USAGE_NOTIFICATION,
    IRP_MN_QUERY_CAPABILITIES, IRP_MN_QUERY_PNP_DEVICE_STATE, IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_QUERY_STOP_DEVICE, IRP_MN_REMOVE_DEVICE, IRP_MN_START_DEVICE, IRP_MN_STOP_DEVICE,
    IRP_MN_SURPRISE_REMOVAL, NT_SUCCESS, NTSTATUS, STATUS_INVALID_DEVICE_REQUEST, STATUS_SUCCESS,
};

use crate::abi::PnpCapabilities;
use crate::device::{Device, DeviceExtension};
use crate::kernel::irp::Irp;
use crate::object::{Instance, Ref, to_handle};

const START: u8 = IRP_MN_START_DEVICE as u8;
const QUERY_REMOVE: u8 = IRP_MN_QUERY_REMOVE_DEVICE as u8;
const REMOVE: u8 = IRP_MN_REMOVE_DEVICE as u8;
const CANCEL_REMOVE: u8 = IRP_MN_CANCEL_REMOVE_DEVICE as u8;
const STOP: u8 = IRP_MN_STOP_DEVICE as u8;
const QUERY_STOP: u8 = IRP_MN_QUERY_STOP_DEVICE as u8;
const CANCEL_STOP: u8 = IRP_MN_CANCEL_STOP_DEVICE as u8;
const SURPRISE_REMOVAL: u8 = IRP_MN_SURPRISE_REMOVAL as u8;
const QUERY_CAPABILITIES: u8 = IRP_MN_QUERY_CAPABILITIES as u8;
const QUERY_STATE: u8 = IRP_MN_QUERY_PNP_DEVICE_STATE as u8;
const USAGE_NOTIFICATION: u8 = IRP_MN_DEVICE_USAGE_NOTIFICATION as u8;

/// Handles an IRP_MJ_PNP. The remove lock is held for all but REMOVE_DEVICE, which takes it.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn dispatch(extension: &DeviceExtension, irp: Irp) -> NTSTATUS {
    // The device, and with it the extension's reference, may go while it is removed.
    let device = Ref::new(extension.device());
    if device.is_control() {
        return irp.complete_with(STATUS_INVALID_DEVICE_REQUEST);
    }
    let pointer = irp.as_ptr();
    let status = match irp.minor() {
        // Gives the lock back itself: afterwards there is no extension.
        REMOVE => return remove::remove(extension, &device, irp),
        START => start::start(&device, irp),
        QUERY_REMOVE => stop::query(&device, irp, device.callbacks.query_remove),
        QUERY_STOP => stop::query(&device, irp, device.callbacks.query_stop),
        STOP => stop::stop(&device, irp),
        CANCEL_REMOVE | CANCEL_STOP => {
            irp.set_status(STATUS_SUCCESS);
            irp.call_and_wait(device.attached());
            irp.complete_as_is()
        }
        SURPRISE_REMOVAL => remove::surprise(&device, irp),
        QUERY_CAPABILITIES => query_capabilities(&device, irp),
        QUERY_STATE => query_state(&device, irp),
        USAGE_NOTIFICATION => usage(&device, irp),
        _ => irp.skip_to(device.attached()),
    };
    extension.release(pointer);
    status
}

/// QUERY_CAPABILITIES: the lower drivers' answer, changed as the driver wants.
fn query_capabilities(device: &Instance<Device>, irp: Irp) -> NTSTATUS {
    let status = irp.call_and_wait(device.attached());
    let reported = *device.reported.lock();
    if let Some(wanted) = reported.capabilities()
        && NT_SUCCESS(status)
    {
        let capabilities = irp.parameters()[0] as *mut pagewise_lab_nt::DEVICE_CAPABILITIES;
        // SAFETY: the parameter of the request, whose sender owns the structure.
        if let Some(capabilities) = unsafe { capabilities.as_mut() } {
            merge(capabilities, wanted);
        }
    }
    irp.complete_as_is()
}

fn merge(into: &mut pagewise_lab_nt::DEVICE_CAPABILITIES, wanted: &PnpCapabilities) {
    let set = |state: u32, bit: u32| match state {
        crate::abi::tri_state::TRUE => 1,
        crate::abi::tri_state::FALSE => 0,
        _ => bit,
    };
    let [lock, eject, removable, dock, unique, silent, surprise, hardware, hidden] = wanted.states;
    into.set_LockSupported(set(lock, into.LockSupported()));
    into.set_EjectSupported(set(eject, into.EjectSupported()));
    into.set_Removable(set(removable, into.Removable()));
    into.set_DockDevice(set(dock, into.DockDevice()));
    into.set_UniqueID(set(unique, into.UniqueID()));
    into.set_SilentInstall(set(silent, into.SilentInstall()));
    into.set_SurpriseRemovalOK(set(surprise, into.SurpriseRemovalOK()));
    into.set_HardwareDisabled(set(hardware, into.HardwareDisabled()));
    into.set_NoDisplayInUI(set(hidden, into.NoDisplayInUI()));
    if wanted.address != u32::MAX {
        into.Address = wanted.address;
    }
    if wanted.ui_number != u32::MAX {
        into.UINumber = wanted.ui_number;
    }
}

/// QUERY_PNP_DEVICE_STATE: the lower drivers' flags, changed as the driver wants.
fn query_state(device: &Instance<Device>, irp: Irp) -> NTSTATUS {
    let status = irp.call_and_wait(device.attached());
    let failed = device.failed_action.load(core::sync::atomic::Ordering::Acquire) != 0;
    let answered = NT_SUCCESS(status);
    let before = if answered { irp.information() } else { 0 };
    let flags = device.reported.lock().apply(before, failed);
    if answered || flags != 0 {
        irp.set_status(STATUS_SUCCESS);
        irp.set_information(flags);
    }
    irp.complete_as_is()
}

/// DEVICE_USAGE_NOTIFICATION: `EvtDeviceUsageNotification(Ex)`, then the lower drivers.
fn usage(device: &Instance<Device>, irp: Irp) -> NTSTATUS {
    let parameters = irp.parameters();
    // InPath, a BOOLEAN, and Type, each in a slot.
    let (in_path, kind) = (parameters[0] as u8, parameters[1] as u32);
    let handle = to_handle(device);
    if let Some(callback) = device.callbacks.usage_notification_ex {
        // SAFETY: the client's callback, with its device.
        let status = unsafe { callback(handle, kind, in_path) };
        if !NT_SUCCESS(status) {
            return irp.complete_with(status);
        }
    } else if let Some(callback) = device.callbacks.usage_notification {
        // SAFETY: the client's callback, with its device.
        unsafe { callback(handle, kind, in_path) };
    }
    irp.set_status(STATUS_SUCCESS);
    irp.skip_to(device.attached())
}
