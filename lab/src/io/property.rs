//! What drivers can ask about a device.

use std::ffi::c_void;

use pagewise_lab_nt as nt;

use super::Device;
use crate::pnp::DeviceNode;
use crate::registry;

/// A property as its bytes; nothing for one the lab's devices do not have.
fn property(device: Device, node: &DeviceNode, property: u32) -> Result<Vec<u8>, i32> {
    const NONE: u32 = u32::MAX;
    let installation = node.installation();
    let text = |text: &str| Ok(text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect());
    let number = |number: u32| Ok(number.to_le_bytes().to_vec());
    match property {
        nt::DevicePropertyDeviceDescription => text(&installation.description),
        nt::DevicePropertyHardwareID => text(&format!("{}\0", installation.hardware_id)),
        nt::DevicePropertyClassName => text(&installation.class),
        nt::DevicePropertyClassGuid => text(&installation.class_guid),
        nt::DevicePropertyDriverKeyName => text(&format!(r"{}\0000", installation.class_guid)),
        nt::DevicePropertyEnumeratorName => text("ROOT"),
        nt::DevicePropertyPhysicalDeviceObjectName => {
            text(&String::from_utf16_lossy(device.name().unwrap_or_default()))
        }
        nt::DevicePropertyLegacyBusType => number(nt::PNPBus.cast_unsigned()),
        nt::DevicePropertyBusNumber | nt::DevicePropertyInstallState => number(0),
        nt::DevicePropertyAddress | nt::DevicePropertyUINumber => number(NONE),
        nt::DevicePropertyCompatibleIDs
        | nt::DevicePropertyBootConfiguration
        | nt::DevicePropertyBootConfigurationTranslated
        | nt::DevicePropertyManufacturer
        | nt::DevicePropertyFriendlyName
        | nt::DevicePropertyLocationInformation => Err(nt::STATUS_OBJECT_NAME_NOT_FOUND),
        _ => Err(nt::STATUS_INVALID_PARAMETER_2),
    }
}

/// Gives a property of a device. `STATUS_BUFFER_TOO_SMALL` with the length that is needed,
/// `STATUS_OBJECT_NAME_NOT_FOUND` where the device has no such property,
/// `STATUS_INVALID_PARAMETER_2` for one the lab does not know, `STATUS_INVALID_DEVICE_REQUEST` where
/// the device is no PDO.
///
/// Page: wdm/nf-wdm-iogetdeviceproperty.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `device` is a device object; `buffer` has `length` bytes; `needed` can be written.
pub unsafe extern "win64" fn IoGetDeviceProperty(
    device: *mut nt::DEVICE_OBJECT,
    which: u32,
    length: u32,
    buffer: *mut c_void,
    needed: *mut u32,
) -> i32 {
    // SAFETY: the caller vouches for the device.
    let Some(device) = (unsafe { Device::from_raw(device) }) else {
        return nt::STATUS_INVALID_DEVICE_REQUEST;
    };
    let Some(node) = device.node().cloned() else { return nt::STATUS_INVALID_DEVICE_REQUEST };
    let bytes = match property(device, &node, which) {
        Ok(bytes) => bytes,
        Err(status) => return status,
    };
    // SAFETY: the caller vouches for the result's place.
    unsafe { needed.write(u32::try_from(bytes.len()).unwrap_or(u32::MAX)) };
    if bytes.len() > length as usize {
        return nt::STATUS_BUFFER_TOO_SMALL;
    }
    // SAFETY: the caller vouches for the buffer, which is long enough.
    unsafe { buffer.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    nt::STATUS_SUCCESS
}

/// Opens the hardware key (`PLUGPLAY_REGKEY_DEVICE`) or the driver key (`PLUGPLAY_REGKEY_DRIVER`)
/// of a device.
///
/// Page: wdm/nf-wdm-ioopendeviceregistrykey. `STATUS_INVALID_PARAMETER`,
/// `STATUS_INVALID_DEVICE_REQUEST`, `STATUS_OBJECT_NAME_NOT_FOUND`.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `device` is a device object; `handle` can be written.
pub unsafe extern "win64" fn IoOpenDeviceRegistryKey(
    device: *mut nt::DEVICE_OBJECT,
    kind: u32,
    access: u32,
    handle: *mut nt::HANDLE,
) -> i32 {
    // SAFETY: the caller vouches for the device.
    let device = unsafe { Device::from_raw(device) };
    let Some(node) = device.as_ref().and_then(|device| device.node().cloned()) else {
        return nt::STATUS_INVALID_DEVICE_REQUEST;
    };
    let key = match kind {
        nt::PLUGPLAY_REGKEY_DEVICE => registry::device_key(node.instance_path()),
        nt::PLUGPLAY_REGKEY_DRIVER => registry::driver_key(node.installation()),
        _ => return nt::STATUS_INVALID_PARAMETER,
    };
    let Ok(key) = key else { return nt::STATUS_OBJECT_NAME_NOT_FOUND };
    // SAFETY: the caller vouches for the result's place.
    unsafe { handle.write(registry::handle_to(key, access)) };
    nt::STATUS_SUCCESS
}

crate::exports! {
    /// Properties of devices.
    pub EXPORTS = [
        IoGetDeviceProperty(_, _, _, _, _),
        IoOpenDeviceRegistryKey(_, _, _, _),
    ];
}
