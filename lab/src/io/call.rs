//! Sending an IRP to a driver.

use pagewise_lab_nt as nt;

use super::device::IO_TYPE_DEVICE;
use super::dispatched;
use super::irp::IO_TYPE_IRP;
use super::verify::{self, Violation};
use super::{Device, Irp};
use crate::bugcheck;
use crate::ke::{irql, schedule};
use crate::trail;

/// `NO_MORE_IRP_STACK_LOCATIONS`
/// (learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x35--no-more-irp-stack-locations).
const NO_MORE_IRP_STACK_LOCATIONS: u32 = 0x35;

/// Calls the driver of `device` with `irp`.
///
/// What I/O verification checks is a bug check 0xC9: the types of both, the IRQL before and after,
/// a cancel routine left set.
///
/// # Safety
/// The caller owns the IRP and has filled in the next stack location.
#[inline]
pub unsafe fn call(device: Device, irp: Irp) -> i32 {
    let before = irql::current();
    check(device, irp, before);
    if irp.current_location() <= 1 {
        bugcheck::bug_check(NO_MORE_IRP_STACK_LOCATIONS, [irp.address(), 0, 0, 0]);
    }
    irp.step(-1);
    let location = irp.current();
    // A driver that skips its own location sends the sender's once more.
    let is_fresh = irp.current_location() == irp.stack_count() && location.device().is_null();
    location.set_device(device.as_ptr());
    let routine = device.driver().dispatch(location.major());
    let routine = routine.unwrap_or(super::driver::invalid_device_request);
    if is_fresh {
        trail::requests::sent(irp, location, device);
    }
    let dispatch = dispatched::begin(irp);
    schedule::point("a dispatch routine");
    // SAFETY: a dispatch routine takes its own device and an IRP that it owns from here on.
    let status = unsafe { routine(device.as_ptr(), irp.as_ptr()) };
    let after = irql::current();
    if after != before {
        let irqls = [device.address(), u64::from(before), u64::from(after)];
        verify::fail(Violation::DispatchChangedIrql, irqls);
    }
    if let Some(dispatch) = dispatch {
        dispatch.end(routine as *const () as usize, status);
    }
    status
}

fn check(device: Device, irp: Irp, irql: u8) {
    if irql > irql::DISPATCH_LEVEL {
        verify::fail(Violation::CallAboveDispatch, [u64::from(irql), 0, 0]);
    }
    if irp.kind() != IO_TYPE_IRP {
        verify::fail(Violation::CallWithNoIrp, [irp.address(), 0, 0]);
    }
    if device.kind() != IO_TYPE_DEVICE {
        verify::fail(Violation::CallOfNoDevice, [device.address(), 0, 0]);
    }
    if !irp.cancel_routine().is_null() {
        verify::fail(Violation::CallCancellable, [0, irp.address(), device.address()]);
    }
}

/// Sends an IRP to a driver: `IoCallDriver`. An IRP without a stack location left is bug check
/// 0x35.
///
/// Page: wdm/nf-wdm-iofcalldriver.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `device` is a device object; the caller owns the IRP and has filled in the next stack location.
pub unsafe extern "win64" fn IofCallDriver(
    device: *mut nt::DEVICE_OBJECT,
    irp: *mut nt::IRP,
) -> i32 {
    // SAFETY: the caller vouches for the device.
    let device = unsafe { Device::from_raw(device) };
    // SAFETY: the caller vouches for the IRP.
    let irp = unsafe { Irp::from_raw(irp) };
    let Some(irp) = irp else { verify::fail(Violation::CallWithNoIrp, [0; 3]) };
    let Some(device) = device else { verify::fail(Violation::CallOfNoDevice, [0; 3]) };
    // SAFETY: the caller vouches for the ownership and the stack location.
    unsafe { call(device, irp) }
}

crate::exports! {
    /// Sending IRPs.
    pub EXPORTS = [
        IofCallDriver(_, _),
        "IoCallDriver" = IofCallDriver(_, _),
    ];
}
