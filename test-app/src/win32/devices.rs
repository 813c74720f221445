//! Device information sets
//! (learn.microsoft.com/windows-hardware/drivers/install/device-information-sets).

use std::ptr::{null, null_mut};

use windows_sys::Win32::Devices::DeviceAndDriverInstallation::{
    DIGCF_ALLCLASSES, HDEVINFO, SETUP_DI_REGISTRY_PROPERTY, SP_DEVINFO_DATA,
    SetupDiCreateDeviceInfoList, SetupDiDestroyDeviceInfoList, SetupDiEnumDeviceInfo,
    SetupDiGetClassDevsW, SetupDiGetDeviceInstanceIdW, SetupDiGetDeviceRegistryPropertyW,
};
use windows_sys::Win32::Foundation::{
    ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_DATA, ERROR_NO_MORE_ITEMS,
};
use windows_sys::core::GUID;

use super::{done, failed, last_error, wide};
use crate::error::Error;
use crate::status::Win32;

/// A set of devices, destroyed when it is dropped.
pub struct DeviceSet(HDEVINFO);

impl DeviceSet {
    /// Takes the set over.
    ///
    /// # Errors
    /// [`Error::Win32`] where the function that should have made it has just failed.
    pub fn from_raw(set: HDEVINFO, operation: &str) -> Result<Self, Error> {
        // INVALID_HANDLE_VALUE
        if set == -1 { Err(failed(operation)) } else { Ok(Self(set)) }
    }

    /// An empty set for devices of a setup class.
    ///
    /// # Errors
    /// [`Error::Win32`]
    pub fn empty(class: &GUID) -> Result<Self, Error> {
        // SAFETY: the class outlives the call, and no window need be given.
        let set = unsafe { SetupDiCreateDeviceInfoList(class, null_mut()) };
        Self::from_raw(set, "SetupDiCreateDeviceInfoList")
    }

    /// The devices of the root enumerator, present or not.
    ///
    /// # Errors
    /// [`Error::Win32`]
    pub fn of_root() -> Result<Self, Error> {
        let enumerator = wide::from_str("ROOT");
        // SAFETY: the name ends with a zero and outlives the call; the others may be null.
        let set = unsafe {
            SetupDiGetClassDevsW(null(), enumerator.as_ptr(), null_mut(), DIGCF_ALLCLASSES)
        };
        Self::from_raw(set, "SetupDiGetClassDevs for ROOT")
    }

    /// The handle, for functions that have no face here.
    #[must_use]
    pub fn raw(&self) -> HDEVINFO {
        self.0
    }

    /// An element for a function to fill.
    #[must_use]
    pub fn element() -> SP_DEVINFO_DATA {
        let size = u32::try_from(size_of::<SP_DEVINFO_DATA>()).unwrap_or_default();
        SP_DEVINFO_DATA { cbSize: size, ..SP_DEVINFO_DATA::default() }
    }

    /// The devices.
    ///
    /// # Errors
    /// [`Error::Win32`]
    pub fn devices(&self) -> Result<Vec<SP_DEVINFO_DATA>, Error> {
        let mut devices = Vec::new();
        for index in 0.. {
            let mut device = Self::element();
            // SAFETY: the set lives as long as `self`, and the element says its size.
            let found = unsafe { SetupDiEnumDeviceInfo(self.0, index, &raw mut device) };
            if found == 0 {
                match last_error() {
                    Win32(ERROR_NO_MORE_ITEMS) => break,
                    code => {
                        let operation = "SetupDiEnumDeviceInfo".to_owned();
                        return Err(Error::Win32 { operation, code });
                    }
                }
            }
            devices.push(device);
        }
        Ok(devices)
    }

    /// The instance id of a device of the set, such as `ROOT\PAGEWISE\0000`.
    ///
    /// # Errors
    /// [`Error::Win32`]
    pub fn instance_id(&self, device: &SP_DEVINFO_DATA) -> Result<String, Error> {
        // MAX_DEVICE_ID_LEN is 200.
        let mut id = [0u16; 256];
        // SAFETY: the element is of this set, and the buffer has room for as many units as told.
        let result = unsafe {
            SetupDiGetDeviceInstanceIdW(self.0, device, id.as_mut_ptr(), 256, null_mut())
        };
        done(result, "SetupDiGetDeviceInstanceId")?;
        Ok(wide::to_string(&id))
    }

    /// A registry property of a device that is a string or a list of strings; nothing where the
    /// device has none.
    ///
    /// # Errors
    /// [`Error::Win32`]
    pub fn strings(
        &self,
        device: &SP_DEVINFO_DATA,
        property: SETUP_DI_REGISTRY_PROPERTY,
    ) -> Result<Vec<String>, Error> {
        let mut units = vec![0u16; 512];
        loop {
            let bytes = u32::try_from(units.len() * 2).unwrap_or(u32::MAX);
            let mut needed = 0;
            // SAFETY: the element is of this set, and the buffer has as many bytes as told.
            let result = unsafe {
                SetupDiGetDeviceRegistryPropertyW(
                    self.0,
                    device,
                    property,
                    null_mut(),
                    units.as_mut_ptr().cast(),
                    bytes,
                    &raw mut needed,
                )
            };
            if result != 0 {
                return Ok(wide::to_strings(&units));
            }
            match last_error() {
                Win32(ERROR_INSUFFICIENT_BUFFER) if needed > bytes => {
                    // One unit more than asked for: a string need not end with a zero.
                    units = vec![0; needed as usize / 2 + 2];
                }
                // There is none.
                Win32(ERROR_INVALID_DATA) => return Ok(Vec::new()),
                code => {
                    let operation = "SetupDiGetDeviceRegistryProperty".to_owned();
                    return Err(Error::Win32 { operation, code });
                }
            }
        }
    }
}

impl Drop for DeviceSet {
    fn drop(&mut self) {
        // SAFETY: the set was made for this value, and nothing uses it after this.
        unsafe { SetupDiDestroyDeviceInfoList(self.0) };
    }
}
