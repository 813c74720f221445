//! What drivers ask about their device, and the requests they have built.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;

use pagewise_lab_nt as nt;

use super::super::build::IoBuildDeviceIoControlRequest;
use super::super::call::IofCallDriver;
use super::super::property::{IoGetDeviceProperty, IoOpenDeviceRegistryKey};
use super::rig;
use crate::ke::dispatcher::wait::Timeout;
use crate::ke::event;
use crate::registry;
use crate::testing::toy::code;

fn property(device: *mut nt::DEVICE_OBJECT, which: u32, room: usize) -> (i32, Vec<u8>, u32) {
    let mut buffer = vec![0_u8; room];
    let mut needed = 0;
    let into = buffer.as_mut_ptr().cast::<c_void>();
    // SAFETY: the device is started, and the buffer is a local.
    let status = unsafe { IoGetDeviceProperty(device, which, room as u32, into, &raw mut needed) };
    buffer.truncate(needed as usize);
    (status, buffer, needed)
}

#[test]
fn a_device_has_the_properties_of_its_installation() {
    let rig = rig("property");
    let device = rig.device.as_ptr();
    let text: Vec<u8> = "property\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let description = nt::DevicePropertyDeviceDescription;
    assert_eq!(property(device, description, 64), (nt::STATUS_SUCCESS, text, 18));
    let (status, _, needed) = property(device, description, 17);
    assert_eq!((status, needed), (nt::STATUS_BUFFER_TOO_SMALL, 18));
    let (status, number, _) = property(device, nt::DevicePropertyAddress, 4);
    assert_eq!((status, number), (nt::STATUS_SUCCESS, vec![0xff; 4]));
    let absent = property(device, nt::DevicePropertyFriendlyName, 64).0;
    assert_eq!(absent, nt::STATUS_OBJECT_NAME_NOT_FOUND);
    assert_eq!(property(device, 999, 64).0, nt::STATUS_INVALID_PARAMETER_2);
    let upper = rig.device.attached().unwrap().as_ptr();
    assert_eq!(property(upper, description, 64).0, nt::STATUS_INVALID_DEVICE_REQUEST);
}

#[test]
fn a_device_s_keys_are_there_once_it_is_installed() {
    let rig = rig("keyed");
    let open = |kind| {
        let mut handle = ptr::null_mut();
        // SAFETY: the device is started, and the handle is a local.
        let status =
            unsafe { IoOpenDeviceRegistryKey(rig.device.as_ptr(), kind, 0, &raw mut handle) };
        (status, handle)
    };
    assert_eq!(open(nt::PLUGPLAY_REGKEY_DEVICE).0, nt::STATUS_OBJECT_NAME_NOT_FOUND);
    let node = rig.device.node().unwrap();
    registry::install_device(node.instance_path(), node.installation()).unwrap();
    for kind in [nt::PLUGPLAY_REGKEY_DEVICE, nt::PLUGPLAY_REGKEY_DRIVER] {
        let (status, handle) = open(kind);
        assert_eq!(status, nt::STATUS_SUCCESS);
        assert!(crate::ob::close_handle(handle));
    }
    assert_eq!(open(99).0, nt::STATUS_INVALID_PARAMETER);
}

#[test]
fn a_request_that_was_built_ends_with_its_event_and_its_output() {
    let rig = rig("built");
    let top = rig.device.top().as_ptr();
    let mut signal = MaybeUninit::<nt::KEVENT>::zeroed();
    // SAFETY: the storage is an event's.
    unsafe { event::initialize(signal.as_mut_ptr(), event::Kind::Notification, false) };
    for code in [code::REVERSE, code::REVERSE_DIRECT, code::REVERSE_NEITHER] {
        let mut iosb = MaybeUninit::<nt::IO_STATUS_BLOCK>::zeroed();
        let mut input = *b"input";
        let mut output = [0_u8; 8];
        // SAFETY: the device is started; the buffers, the event and the block outlive the request.
        let irp = unsafe {
            IoBuildDeviceIoControlRequest(
                code,
                top,
                input.as_mut_ptr().cast(),
                5,
                output.as_mut_ptr().cast(),
                8,
                0,
                signal.as_mut_ptr(),
                iosb.as_mut_ptr(),
            )
        };
        assert!(!irp.is_null());
        // SAFETY: the request is built for this device.
        assert_eq!(unsafe { IofCallDriver(top, irp) }, nt::STATUS_SUCCESS);
        // SAFETY: an initialised event.
        assert!(unsafe { event::wait(signal.as_mut_ptr().cast(), Timeout::Poll) });
        // SAFETY: an initialised event.
        unsafe { event::reset(signal.as_mut_ptr()) };
        // SAFETY: zeroed, and written by the end of the request.
        assert_eq!(unsafe { iosb.assume_init() }.Information, 5);
        assert_eq!(&output[..5], b"tupni", "{code:#x}");
    }
}
