//! Device interfaces: by which a client finds a device without knowing its name
//! (learn.microsoft.com/windows-hardware/drivers/install/overview-of-device-interface-classes).

use std::sync::{Mutex, MutexGuard, PoisonError};

use pagewise_contract::Guid;
use pagewise_lab_nt as nt;

use super::{Device, strings};
use crate::ob::namespace;

/// A registered interface: an instance of a class that a device has.
#[derive(Debug)]
struct Interface {
    class: [u8; 16],
    device: Device,
    /// Its symbolic link, `\??\ROOT#NAME#0000#{class}`.
    link: Vec<u16>,
    enabled: bool,
}

fn interfaces() -> MutexGuard<'static, Vec<Interface>> {
    static INTERFACES: Mutex<Vec<Interface>> = Mutex::new(Vec::new());
    INTERFACES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The 16 bytes of a GUID as Windows lays them out.
fn bytes_of(guid: &nt::GUID) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&guid.Data1.to_le_bytes());
    bytes[4..6].copy_from_slice(&guid.Data2.to_le_bytes());
    bytes[6..8].copy_from_slice(&guid.Data3.to_le_bytes());
    bytes[8..].copy_from_slice(&guid.Data4);
    bytes
}

/// `{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}`
#[must_use]
pub fn text_of(class: &[u8; 16]) -> String {
    let guid = Guid {
        data1: u32::from_le_bytes([class[0], class[1], class[2], class[3]]),
        data2: u16::from_le_bytes([class[4], class[5]]),
        data3: u16::from_le_bytes([class[6], class[7]]),
        data4: [
            class[8], class[9], class[10], class[11], class[12], class[13], class[14], class[15],
        ],
    };
    let [a, b, c, d, e, f, g, h] = guid.data4;
    format!(
        "{{{:08x}-{:04x}-{:04x}-{a:02x}{b:02x}-{c:02x}{d:02x}{e:02x}{f:02x}{g:02x}{h:02x}}}",
        guid.data1, guid.data2, guid.data3
    )
}

/// The device to open for the interface class `class`: that of its first enabled interface. The
/// reference is the caller's.
///
/// # Errors
/// `STATUS_OBJECT_NAME_NOT_FOUND` where no interface of the class is enabled.
pub(crate) fn find(class: &[u8; 16]) -> Result<super::stack::Reference, i32> {
    let interfaces = interfaces();
    let found = interfaces.iter().find(|it| it.enabled && it.class == *class);
    // The interface's device is alive while it is in the list (`forget`).
    found.map(|it| super::stack::Reference::new(it.device)).ok_or(nt::STATUS_OBJECT_NAME_NOT_FOUND)
}

/// Disables the interfaces of a device that is removed, which its drivers may have left enabled.
pub(crate) fn disable_all(device: Device) {
    for interface in interfaces().iter_mut().filter(|it| it.device == device && it.enabled) {
        interface.enabled = false;
        // An enabled interface has its link.
        let _ = namespace::remove(&interface.link);
    }
}

/// Forgets the interfaces of a physical device that is deleted.
pub(crate) fn forget(device: Device) {
    disable_all(device);
    interfaces().retain(|it| it.device != device);
}

/// Registers an interface of a device and returns its symbolic link, which the caller frees with
/// `RtlFreeUnicodeString`. `STATUS_OBJECT_NAME_EXISTS` where it is registered already;
/// `STATUS_INVALID_DEVICE_REQUEST` where the device is no PDO, or the reference string has a path
/// separator.
///
/// Page: wdm/nf-wdm-ioregisterdeviceinterface.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `device` is a device object, `class` a GUID, `reference` null or a string, `link` writable.
pub unsafe extern "win64" fn IoRegisterDeviceInterface(
    device: *mut nt::DEVICE_OBJECT,
    class: *const nt::GUID,
    reference: *const nt::UNICODE_STRING,
    link: *mut nt::UNICODE_STRING,
) -> i32 {
    // SAFETY: the caller vouches for the device.
    let device = unsafe { Device::from_raw(device) };
    let node = device.as_ref().and_then(|device| device.node().cloned());
    let (Some(device), Some(node)) = (device, node) else {
        return nt::STATUS_INVALID_DEVICE_REQUEST;
    };
    // SAFETY: the caller vouches for the GUID.
    let class = bytes_of(unsafe { &*class });
    // SAFETY: the caller vouches for the string.
    let reference = unsafe { strings::read(reference) }.unwrap_or_default();
    if reference.iter().any(|&unit| unit == u16::from(b'\\') || unit == u16::from(b'/')) {
        return nt::STATUS_INVALID_DEVICE_REQUEST;
    }
    let path = node.instance_path().replace('\\', "#");
    let mut name: Vec<u16> = format!(r"\??\{path}#{}", text_of(&class)).encode_utf16().collect();
    if !reference.is_empty() {
        name.push(u16::from(b'\\'));
        name.extend_from_slice(&reference);
    }
    let Some(copy) = strings::allocate(&name) else { return nt::STATUS_INSUFFICIENT_RESOURCES };
    // SAFETY: the caller vouches for the result's place.
    unsafe { link.write(copy) };
    let mut interfaces = interfaces();
    if interfaces.iter().any(|it| it.device == device && it.link == name) {
        return nt::STATUS_OBJECT_NAME_EXISTS;
    }
    interfaces.push(Interface { class, device, link: name, enabled: false });
    nt::STATUS_SUCCESS
}

/// Enables or disables an interface. `STATUS_OBJECT_NAME_EXISTS` where it is enabled already,
/// `STATUS_OBJECT_NAME_NOT_FOUND` where it is not enabled, or not registered.
///
/// Page: wdm/nf-wdm-iosetdeviceinterfacestate.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `link` is a string.
pub unsafe extern "win64" fn IoSetDeviceInterfaceState(
    link: *const nt::UNICODE_STRING,
    enable: u8,
) -> i32 {
    // SAFETY: the caller vouches for the string.
    let link = unsafe { strings::read(link) }.unwrap_or_default();
    let mut interfaces = interfaces();
    let Some(interface) = interfaces.iter_mut().find(|it| it.link == link) else {
        return nt::STATUS_OBJECT_NAME_NOT_FOUND;
    };
    match (enable != 0, interface.enabled) {
        (true, true) => return nt::STATUS_OBJECT_NAME_EXISTS,
        (false, false) => return nt::STATUS_OBJECT_NAME_NOT_FOUND,
        (true, false) => {
            let Some(target) = interface.device.name().map(<[u16]>::to_vec) else {
                return nt::STATUS_INVALID_DEVICE_REQUEST;
            };
            if let Err(status) = namespace::link(&link, &target) {
                return status;
            }
        }
        // An enabled interface has its link.
        (false, true) => drop(namespace::remove(&link)),
    }
    interface.enabled = enable != 0;
    nt::STATUS_SUCCESS
}

/// The symbolic links of the enabled interfaces of a class, each terminated, with an empty one at
/// the end; the caller frees the list with `ExFreePool`. The flag `DEVICE_INTERFACE_INCLUDE_NONACTIVE`
/// (1) adds those that are not enabled.
///
/// Page: wdm/nf-wdm-iogetdeviceinterfaces.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `class` is a GUID, `device` null or a PDO, `list` writable.
pub unsafe extern "win64" fn IoGetDeviceInterfaces(
    class: *const nt::GUID,
    device: *mut nt::DEVICE_OBJECT,
    flags: u32,
    list: *mut *mut u16,
) -> i32 {
    // SAFETY: the caller vouches for the GUID.
    let class = bytes_of(unsafe { &*class });
    // SAFETY: the caller vouches for the device.
    let device = unsafe { Device::from_raw(device) };
    let mut text = Vec::new();
    for it in interfaces().iter().filter(|it| it.class == class) {
        if (it.enabled || flags & 1 != 0) && device.is_none_or(|device| it.device == device) {
            text.extend_from_slice(&it.link);
            text.push(0);
        }
    }
    text.push(0);
    let Some(copy) = strings::allocate_units(&text) else {
        return nt::STATUS_INSUFFICIENT_RESOURCES;
    };
    // SAFETY: the caller vouches for the result's place.
    unsafe { list.write(copy) };
    nt::STATUS_SUCCESS
}

crate::exports! {
    /// Device interfaces.
    pub EXPORTS = [
        IoRegisterDeviceInterface(_, _, _, _),
        IoSetDeviceInterfaceState(_, _),
        IoGetDeviceInterfaces(_, _, _, _),
    ];
}
