//! Power: into and out of D0, and power IRPs.
//!
//! No power policy is run: system power IRPs are passed on, and device power IRPs that somebody
//! else asks for are followed.

use pagewise_lab_nt::{
    DevicePowerState, IRP_MN_SET_POWER, NT_SUCCESS, NTSTATUS, POWER_STATE, PoCallDriver,
    PoSetPowerState, PoStartNextPowerIrp, PowerDeviceD0, STATUS_INVALID_DEVICE_REQUEST,
    STATUS_SUCCESS,
};

use crate::abi::{EvtDevicePower, power_device_state};
use crate::device::{Device, DeviceExtension};
use crate::kernel::irp::Irp;
use crate::kernel::irql;
use crate::object::{Instance, to_handle};
use crate::queue::power::{hold, resume};

use super::state::SelfManaged;

fn call(device: &Instance<Device>, callback: Option<EvtDevicePower>, state: u32) -> NTSTATUS {
    match callback {
        // SAFETY: the client's callback, with its device.
        Some(callback) => unsafe { callback(to_handle(device), state) },
        None => STATUS_SUCCESS,
    }
}

/// Into D0: `EvtDeviceD0Entry` (from `previous`), the power-managed queues, self-managed I/O.
///
/// # Errors
/// What the driver returns; the device has then left D0 again.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn enter_d0(device: &Instance<Device>, previous: u32) -> NTSTATUS {
    let status = call(device, device.callbacks.d0_entry, previous);
    if !NT_SUCCESS(status) {
        return status;
    }
    let status = call(device, device.callbacks.d0_entry_post_interrupts_enabled, previous);
    if !NT_SUCCESS(status) {
        call(device, device.callbacks.d0_exit, power_device_state::D3_FINAL);
        return status;
    }
    device.pnp.lock().in_d0 = true;
    resume(device);
    let status = start_self_managed(device);
    if !NT_SUCCESS(status) {
        leave_d0(device, power_device_state::D3_FINAL);
    }
    status
}

fn start_self_managed(device: &Instance<Device>) -> NTSTATUS {
    let before = core::mem::replace(&mut device.pnp.lock().self_managed, SelfManaged::Running);
    let callback = match before {
        SelfManaged::Fresh => device.callbacks.self_managed_io_init,
        SelfManaged::Suspended => device.callbacks.self_managed_io_restart,
        SelfManaged::Running => None,
    };
    match callback {
        // SAFETY: the client's callback, with its device.
        Some(callback) => unsafe { callback(to_handle(device)) },
        None => STATUS_SUCCESS,
    }
}

/// Out of D0, if the device is in it: self-managed I/O is suspended, the power-managed queues are
/// held until the driver has nothing in flight, then `EvtDeviceD0Exit` (to `target`).
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn leave_d0(device: &Instance<Device>, target: u32) {
    if !core::mem::take(&mut device.pnp.lock().in_d0) {
        return;
    }
    let running = {
        let mut pnp = device.pnp.lock();
        let running = pnp.self_managed == SelfManaged::Running;
        if running {
            pnp.self_managed = SelfManaged::Suspended;
        }
        running
    };
    if let Some(callback) = device.callbacks.self_managed_io_suspend.filter(|_| running) {
        // SAFETY: the client's callback, with its device.
        unsafe { callback(to_handle(device)) };
    }
    hold(device);
    call(device, device.callbacks.d0_exit_pre_interrupts_disabled, target);
    call(device, device.callbacks.d0_exit, target);
}

/// Handles an IRP_MJ_POWER; the remove lock is held.
///
/// # IRQL
/// PASSIVE_LEVEL for devices that are power-pageable, else at most DISPATCH_LEVEL.
pub fn dispatch_power(extension: &DeviceExtension, irp: Irp) -> NTSTATUS {
    let device = extension.device();
    let pointer = irp.as_ptr();
    let status = if device.is_control() {
        irp.complete_with(STATUS_INVALID_DEVICE_REQUEST)
    } else {
        follow(device, irp)
    };
    extension.release(pointer);
    status
}

fn follow(device: &Instance<Device>, irp: Irp) -> NTSTATUS {
    // SystemContext, Type, State, ShutdownType, each in a slot.
    let [_, kind, state, _] = irp.parameters();
    let (kind, state) = (kind as i32, state as i32);
    let set_device = irp.minor() == IRP_MN_SET_POWER as u8
        && kind == DevicePowerState as i32
        && irql::current() == irql::PASSIVE_LEVEL;
    let lower = device.attached();
    if set_device && state == PowerDeviceD0 as i32 {
        // The bus powers up first.
        // SAFETY: an IRP that this driver has; older kernels want to hear when the next may come.
        unsafe { PoStartNextPowerIrp(irp.as_ptr()) };
        let status = irp.call_and_wait(lower);
        if NT_SUCCESS(status) && !device.pnp.lock().in_d0 {
            irp.set_status(enter_d0(device, power_device_state::D3));
            report(device, state);
        }
        return irp.complete_as_is();
    }
    if set_device {
        // D1 is 2 in DEVICE_POWER_STATE and in WDF_POWER_DEVICE_STATE alike, and so on.
        leave_d0(device, state.cast_unsigned());
        report(device, state);
    }
    irp.set_status(STATUS_SUCCESS);
    // SAFETY: an IRP that this driver has.
    unsafe { PoStartNextPowerIrp(irp.as_ptr()) };
    // SAFETY: an IRP that was dispatched to this driver.
    unsafe { pagewise_lab_nt::IoSkipCurrentIrpStackLocation(irp.as_ptr()) };
    // SAFETY: the next device of the stack.
    unsafe { PoCallDriver(lower, irp.as_ptr()) }
}

fn report(device: &Device, state: i32) {
    let state = POWER_STATE { DeviceState: state as _ };
    // SAFETY: the device's own object.
    unsafe { PoSetPowerState(device.object(), DevicePowerState, state) };
}
