//! The devices that offer the driver's interface.

use std::ptr::null;

use pagewise_contract::INTERFACE_GUID;
use windows_sys::Win32::Devices::DeviceAndDriverInstallation::{
    CM_GET_DEVICE_INTERFACE_LIST_PRESENT, CM_Get_Device_Interface_List_SizeW,
    CM_Get_Device_Interface_ListW, CR_BUFFER_SMALL, CR_SUCCESS,
};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::core::GUID;

use super::wide;
use crate::error::Error;

/// Device interface paths, each with its terminating zero. The list can grow between the two calls
/// (learn.microsoft.com/windows/win32/api/cfgmgr32/nf-cfgmgr32-cm_get_device_interface_listw).
pub(super) fn interfaces() -> Result<Vec<Vec<u16>>, Error> {
    const TRIES: usize = 8;
    let guid = GUID {
        data1: INTERFACE_GUID.data1,
        data2: INTERFACE_GUID.data2,
        data3: INTERFACE_GUID.data3,
        data4: INTERFACE_GUID.data4,
    };
    for _ in 0..TRIES {
        let mut length = 0;
        // SAFETY: `length` and `guid` are valid for the call, and no device id is given.
        let code = unsafe {
            CM_Get_Device_Interface_List_SizeW(
                &raw mut length,
                &raw const guid,
                null(),
                CM_GET_DEVICE_INTERFACE_LIST_PRESENT,
            )
        };
        if code != CR_SUCCESS {
            return Err(configuration_error(code));
        }
        let mut list = vec![0u16; length as usize];
        // SAFETY: `list` has room for the `length` units that the call is told of.
        let code = unsafe {
            CM_Get_Device_Interface_ListW(
                &raw const guid,
                null(),
                list.as_mut_ptr(),
                length,
                CM_GET_DEVICE_INTERFACE_LIST_PRESENT,
            )
        };
        match code {
            CR_SUCCESS => return Ok(wide::split_list(&list)),
            CR_BUFFER_SMALL => {}
            other => return Err(configuration_error(other)),
        }
    }
    Err(Error::Broken("the list of devices keeps growing".to_owned()))
}

fn configuration_error(code: u32) -> Error {
    Error::Broken(format!("looking for devices failed with CONFIGRET {code:#x}"))
}

/// Whether this is Wine, which says so by an export of its ntdll that Windows does not have
/// (gitlab.winehq.org/wine/wine/-/wikis/Developer-FAQ).
pub(super) fn is_wine() -> bool {
    let ntdll = wide::from_str("ntdll.dll");
    // SAFETY: the name ends with a zero and outlives the call.
    let module = unsafe { GetModuleHandleW(ntdll.as_ptr()) };
    if module.is_null() {
        return false;
    }
    // SAFETY: ntdll.dll stays loaded as long as the process, and the name ends with a zero.
    unsafe { GetProcAddress(module, c"wine_get_version".as_ptr().cast()) }.is_some()
}
