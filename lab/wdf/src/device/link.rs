//! The symbolic link of a device: a name that clients can open it by.

use pagewise_lab_nt::{
    DevicePropertyPhysicalDeviceObjectName, IoCreateSymbolicLink, IoDeleteSymbolicLink,
    IoGetDeviceProperty, NT_SUCCESS, NTSTATUS, STATUS_INSUFFICIENT_RESOURCES,
    STATUS_INVALID_DEVICE_REQUEST, UNICODE_STRING,
};

use crate::abi::{Handle, PublicGlobals};
use crate::kernel::string::PoolString;
use crate::kernel::{irql, violation};
use crate::object::{Instance, from_handle};

use super::Device;

/// Units of the longest name of a physical device that is looked at.
const LONGEST_NAME: usize = 128;

/// `WdfDeviceCreateSymbolicLink`: to the device's own name, or to its physical device's where it has
/// none. One link a device.
///
/// learn.microsoft.com/windows-hardware/drivers/ddi/wdfdevice/nf-wdfdevice-wdfdevicecreatesymboliclink
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn device_create_symbolic_link(
    _: *mut PublicGlobals,
    device: Handle,
    link: *const UNICODE_STRING,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let device = unsafe { from_handle::<Device>(device) };
    // SAFETY: the client vouches for its string.
    let Some(string) = (unsafe { link.as_ref() }) else { violation::null_parameter() };
    if string.Length == 0 || irql::current() != irql::PASSIVE_LEVEL {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    if device.link.lock().is_some() {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    // SAFETY: not null; the client vouches for the string.
    let Some(link) = (unsafe { PoolString::copy(link) }) else {
        return STATUS_INSUFFICIENT_RESOURCES;
    };
    let created = match &device.name {
        Some(name) => create(&link, name.unicode()),
        None => create_to_physical(device, &link),
    };
    if NT_SUCCESS(created) {
        *device.link.lock() = Some(link);
    }
    created
}

fn create(link: &PoolString, mut name: UNICODE_STRING) -> NTSTATUS {
    let mut link = link.unicode();
    // SAFETY: both are strings that live through the call.
    unsafe { IoCreateSymbolicLink(&raw mut link, &raw mut name) }
}

fn create_to_physical(device: &Device, link: &PoolString) -> NTSTATUS {
    if device.is_control() {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    let mut name = [0_u16; LONGEST_NAME];
    let mut bytes = 0;
    // SAFETY: PnP's physical device, and a buffer of this size.
    let status = unsafe {
        IoGetDeviceProperty(
            device.physical,
            DevicePropertyPhysicalDeviceObjectName,
            size_of_val(&name) as u32,
            name.as_mut_ptr().cast(),
            &raw mut bytes,
        )
    };
    if !NT_SUCCESS(status) {
        return status;
    }
    // The property counts its terminator.
    let length = u16::try_from(bytes).unwrap_or(0).saturating_sub(2);
    let name = UNICODE_STRING { Length: length, MaximumLength: length, Buffer: name.as_mut_ptr() };
    create(link, name)
}

/// Deletes the link, if there is one.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn delete_link(device: &Instance<Device>) {
    let link = device.link.lock().take();
    if let Some(link) = link {
        let mut link = link.unicode();
        // SAFETY: the string lives through the call. That the link is gone already is nobody's
        // loss.
        unsafe { IoDeleteSymbolicLink(&raw mut link) };
    }
}
