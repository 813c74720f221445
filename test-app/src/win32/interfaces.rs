//! The devices that offer the driver's interface.
//!
//! Through SetupDi rather than `CM_Get_Device_Interface_List`, which Wine 8 does not have
//! (learn.microsoft.com/windows/win32/api/setupapi/nf-setupapi-setupdienumdeviceinterfaces).

use std::ptr::{null, null_mut};

use pagewise_contract::INTERFACE_GUID;
use windows_sys::Win32::Devices::DeviceAndDriverInstallation::{
    DIGCF_DEVICEINTERFACE, DIGCF_PRESENT, SP_DEVICE_INTERFACE_DATA,
    SP_DEVICE_INTERFACE_DETAIL_DATA_W, SPINT_ACTIVE, SetupDiEnumDeviceInterfaces,
    SetupDiGetClassDevsW, SetupDiGetDeviceInterfaceDetailW,
};
use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, ERROR_NO_MORE_ITEMS};
use windows_sys::core::GUID;

use super::devices::DeviceSet;
use super::{done, last_error};
use crate::error::Error;
use crate::status::Win32;

static GUID_OF_INTERFACE: GUID = GUID {
    data1: INTERFACE_GUID.data1,
    data2: INTERFACE_GUID.data2,
    data3: INTERFACE_GUID.data3,
    data4: INTERFACE_GUID.data4,
};

/// Paths of the interfaces that are enabled, each with its terminating zero.
///
/// # Errors
/// [`Error::Win32`]
pub fn interfaces() -> Result<Vec<Vec<u16>>, Error> {
    // SAFETY: the interface class is a static; the other pointers may be null.
    let set = unsafe {
        SetupDiGetClassDevsW(
            &raw const GUID_OF_INTERFACE,
            null(),
            null_mut(),
            DIGCF_DEVICEINTERFACE | DIGCF_PRESENT,
        )
    };
    let set = DeviceSet::from_raw(set, "SetupDiGetClassDevs for the interface")?;
    let mut paths = Vec::new();
    for index in 0.. {
        let size = u32::try_from(size_of::<SP_DEVICE_INTERFACE_DATA>()).unwrap_or_default();
        let mut interface =
            SP_DEVICE_INTERFACE_DATA { cbSize: size, ..SP_DEVICE_INTERFACE_DATA::default() };
        // SAFETY: the set lives as long as `set`, and the element says its size.
        let found = unsafe {
            SetupDiEnumDeviceInterfaces(
                set.raw(),
                null(),
                &raw const GUID_OF_INTERFACE,
                index,
                &raw mut interface,
            )
        };
        if found == 0 {
            match last_error() {
                Win32(ERROR_NO_MORE_ITEMS) => break,
                code => {
                    let operation = "SetupDiEnumDeviceInterfaces".to_owned();
                    return Err(Error::Win32 { operation, code });
                }
            }
        }
        if interface.Flags & SPINT_ACTIVE != 0 {
            paths.push(path(&set, &interface)?);
        }
    }
    Ok(paths)
}

/// The path of an interface.
fn path(set: &DeviceSet, interface: &SP_DEVICE_INTERFACE_DATA) -> Result<Vec<u16>, Error> {
    const OPERATION: &str = "SetupDiGetDeviceInterfaceDetail";
    /// Where the path begins in the structure, behind its size.
    const PATH: usize = 4;
    let mut bytes = 0;
    // SAFETY: the interface is of this set; asked for the size, no buffer is written.
    let result = unsafe {
        SetupDiGetDeviceInterfaceDetailW(
            set.raw(),
            interface,
            null_mut(),
            0,
            &raw mut bytes,
            null_mut(),
        )
    };
    if result == 0 && last_error() != Win32(ERROR_INSUFFICIENT_BUFFER) {
        done(result, OPERATION)?;
    }
    // Aligned as the structure is, and as long as it was said to be.
    let mut buffer = vec![0u32; (bytes as usize).div_ceil(4).max(2)];
    if let Some(size) = buffer.first_mut() {
        *size = u32::try_from(size_of::<SP_DEVICE_INTERFACE_DETAIL_DATA_W>()).unwrap_or_default();
    }
    // SAFETY: the buffer has `bytes` bytes, and begins with the size of the fixed part.
    let result = unsafe {
        SetupDiGetDeviceInterfaceDetailW(
            set.raw(),
            interface,
            buffer.as_mut_ptr().cast(),
            bytes,
            null_mut(),
            null_mut(),
        )
    };
    done(result, OPERATION)?;
    let units = buffer.iter().flat_map(|word| {
        let [a, b, c, d] = word.to_le_bytes();
        [u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])]
    });
    let path: Vec<u16> = units.skip(PATH / 2).take_while(|unit| *unit != 0).collect();
    Ok(path.into_iter().chain([0]).collect())
}
