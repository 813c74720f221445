//! The power manager: device power requests, on a machine that is always at work.
#![expect(non_snake_case, reason = "routines are named as drivers import them")]

#[cfg(test)]
mod tests;

use std::ffi::c_void;
use std::sync::atomic::Ordering;

use pagewise_lab_nt as nt;

use crate::ex;
use crate::io::{self, Device, Irp, Reference};

/// What a power request carries to its end.
struct Requested {
    device: Reference,
    minor: u8,
    state: nt::POWER_STATE,
    completion: nt::PREQUEST_POWER_COMPLETE,
    context: *mut c_void,
}

/// An IRP and the top of its stack on their way to a worker.
struct Sending {
    top: Reference,
    irp: Irp,
}

/// Sends a power IRP to the top of a device's stack and returns `STATUS_PENDING`; `completion` is
/// called when it is complete. `STATUS_INVALID_PARAMETER_2` for a minor that is none.
///
/// Page: wdm/nf-wdm-porequestpowerirp. The request is sent at `PASSIVE_LEVEL` by a system worker,
/// as it is to a device that is power-pageable.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `device` is a device object; `irp` is null or can be written.
pub unsafe extern "win64" fn PoRequestPowerIrp(
    device: *mut nt::DEVICE_OBJECT,
    minor: u8,
    state: nt::POWER_STATE,
    completion: nt::PREQUEST_POWER_COMPLETE,
    context: *mut c_void,
    irp: *mut *mut nt::IRP,
) -> i32 {
    // SAFETY: the caller vouches for the device.
    let Some(device) = (unsafe { Device::from_raw(device) }) else {
        return nt::STATUS_INVALID_PARAMETER_1;
    };
    let top = device.top_referenced();
    let Some(new) = Irp::allocate(top.device().stack_size()) else {
        return nt::STATUS_INSUFFICIENT_RESOURCES;
    };
    let location = new.next();
    location.begin(nt::IRP_MJ_POWER, u32::from(minor), None);
    match u32::from(minor) {
        nt::IRP_MN_SET_POWER | nt::IRP_MN_QUERY_POWER => {
            location.set_power_type(nt::DevicePowerState);
            location.set_power_state(raw(state));
        }
        nt::IRP_MN_WAIT_WAKE => location.set_wake_state(raw(state)),
        _ => {
            // SAFETY: it was not sent.
            unsafe { new.free() };
            return nt::STATUS_INVALID_PARAMETER_2;
        }
    }
    new.set_status(nt::STATUS_NOT_SUPPORTED);
    let device = Reference::new(device);
    let requested = Box::new(Requested { device, minor, state, completion, context });
    new.set_finish(finish, Box::into_raw(requested).cast());
    if !irp.is_null() {
        // SAFETY: the caller vouches for the result's place.
        unsafe { irp.write(new.as_ptr()) };
    }
    let sending = Sending { top, irp: new };
    ex::queue_system_work(Box::new(move || {
        // SAFETY: the IRP is new, and its next location is filled in.
        unsafe { io::call(sending.top.device(), sending.irp) };
    }));
    nt::STATUS_PENDING
}

fn raw(state: nt::POWER_STATE) -> u32 {
    // SAFETY: both members are numbers of 32 bits.
    unsafe { state.DeviceState }
}

/// The end of a power IRP.
unsafe fn finish(irp: Irp, context: *mut c_void) {
    // SAFETY: the request gave it, and the end comes once.
    let requested = unsafe { Box::from_raw(context.cast::<Requested>()) };
    // SAFETY: zeroes are a valid status block.
    let mut status: nt::IO_STATUS_BLOCK = unsafe { std::mem::zeroed() };
    status.__bindgen_anon_1.Status = irp.status();
    status.Information = irp.information();
    if let Some(completion) = requested.completion {
        let Requested { device, minor, state, context, .. } = &*requested;
        let device = device.device().as_ptr();
        // SAFETY: the driver gave the routine for the end of this request.
        unsafe { completion(device, *minor, *state, *context, &raw mut status) };
    }
    // SAFETY: it is complete, and the power manager frees it.
    unsafe { irp.free() };
}

/// Sends a power IRP to a driver: since Windows Vista, nothing but `IoCallDriver`.
///
/// Page: ntifs/nf-ntifs-pocalldriver.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// As `IofCallDriver`.
pub unsafe extern "win64" fn PoCallDriver(
    device: *mut nt::DEVICE_OBJECT,
    irp: *mut nt::IRP,
) -> i32 {
    // SAFETY: the caller vouches for all of it.
    unsafe { io::call::IofCallDriver(device, irp) }
}

/// Says that the driver is ready for the next power IRP, which since Windows Vista needs no saying.
///
/// Page: ntifs/nf-ntifs-postartnextpowerirp.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
pub extern "win64" fn PoStartNextPowerIrp(_irp: *mut nt::IRP) {}

/// Notes a device's power state and returns the one it had.
///
/// Page: wdm/nf-wdm-posetpowerstate.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`; `PASSIVE_LEVEL` where it leaves D0 and is power-pageable.
///
/// # Safety
/// `device` is a device object.
pub unsafe extern "win64" fn PoSetPowerState(
    device: *mut nt::DEVICE_OBJECT,
    kind: u32,
    state: nt::POWER_STATE,
) -> nt::POWER_STATE {
    // SAFETY: the caller vouches for the device.
    let Some(device) = (unsafe { Device::from_raw(device) }) else { return state };
    let slot = usize::from(kind == nt::DevicePowerState);
    let old = device.private().power[slot].swap(raw(state), Ordering::AcqRel);
    nt::POWER_STATE { DeviceState: old }
}

crate::exports! {
    /// Power.
    pub EXPORTS = [
        PoRequestPowerIrp(_, _, _, _, _, _),
        PoCallDriver(_, _),
        PoStartNextPowerIrp(_),
        PoSetPowerState(_, _, _),
    ];
}
