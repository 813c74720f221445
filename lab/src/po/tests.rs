//! Power requests, to a WDM driver on the root bus.

use std::ffi::c_void;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use pagewise_lab_nt as nt;

use super::{PoRequestPowerIrp, PoSetPowerState};
use crate::io::Device;
use crate::ke::irql;
use crate::pnp::inf::Installation;
use crate::pnp::{self, RootBus, worker};
use crate::testing::toy;

fn started(name: &'static str) -> (Device, std::sync::Arc<toy::Toy>) {
    let (driver, toy) = toy::load(name);
    let device = worker::run(move || {
        let device = RootBus::get().arrive(Installation::bare(name)).unwrap();
        pnp::add_and_start(device, driver).unwrap();
        device
    });
    toy.take_log();
    (device, toy)
}

type Told = (u8, u32, i32);

unsafe extern "win64" fn told(
    _device: *mut nt::DEVICE_OBJECT,
    minor: u8,
    state: nt::POWER_STATE,
    context: *mut c_void,
    status: *mut nt::IO_STATUS_BLOCK,
) {
    // SAFETY: the test passes a sender for each request, which is told once.
    let sender = unsafe { Box::from_raw(context.cast::<Sender<Told>>()) };
    // SAFETY: the power manager passes the block.
    let block = unsafe { status.read() };
    // SAFETY: both members are numbers.
    let status = unsafe { block.__bindgen_anon_1.Status };
    let _ = sender.send((minor, super::raw(state), status));
}

fn request(device: Device, minor: u32, state: u32) -> (i32, Option<Told>) {
    let (sender, receiver) = mpsc::channel::<Told>();
    // The routine's own: it may still be sending when the test has heard of it.
    let context = Box::into_raw(Box::new(sender)).cast();
    let state = nt::POWER_STATE { DeviceState: state };
    let irp = std::ptr::null_mut();
    let old = irql::raise(irql::DISPATCH_LEVEL);
    // SAFETY: the device is started; the routine takes the sender.
    let status =
        unsafe { PoRequestPowerIrp(device.as_ptr(), minor as u8, state, Some(told), context, irp) };
    irql::lower(old);
    let told = (status == nt::STATUS_PENDING)
        .then(|| receiver.recv_timeout(Duration::from_secs(10)).expect("the request ends"));
    (status, told)
}

#[test]
fn a_power_request_goes_down_the_stack_and_its_sender_is_told() {
    let (device, toy) = started("power");
    let set = nt::IRP_MN_SET_POWER;
    let (status, told) = request(device, set, nt::PowerDeviceD3);
    assert_eq!(status, nt::STATUS_PENDING);
    assert_eq!(told, Some((set as u8, nt::PowerDeviceD3, nt::STATUS_SUCCESS)));
    assert_eq!(toy.take_log(), [(nt::IRP_MJ_POWER, set)]);
    assert_eq!(request(device, 77, 0), (nt::STATUS_INVALID_PARAMETER_2, None));
}

#[test]
fn the_state_that_was_set_last_is_given_back() {
    let (device, _toy) = started("powerstate");
    let set = |kind, state| {
        let state = nt::POWER_STATE { DeviceState: state };
        // SAFETY: the device is started.
        super::raw(unsafe { PoSetPowerState(device.as_ptr(), kind, state) })
    };
    let of_device = nt::DevicePowerState;
    assert_eq!(set(of_device, nt::PowerDeviceD0), nt::PowerDeviceUnspecified);
    assert_eq!(set(of_device, nt::PowerDeviceD3), nt::PowerDeviceD0);
    assert_eq!(set(nt::SystemPowerState, nt::PowerSystemShutdown), nt::PowerSystemWorking);
    assert_eq!(set(of_device, nt::PowerDeviceD0), nt::PowerDeviceD3);
}
