//! The device node below the root enumerator
//! (learn.microsoft.com/windows-hardware/drivers/install/using-device-installation-functions).

use std::path::Path;
use std::ptr::null_mut;

use windows_sys::Win32::Devices::DeviceAndDriverInstallation::{
    CM_Get_DevNode_Status, CR_NO_SUCH_DEVNODE, CR_SUCCESS, DI_NEEDREBOOT, DI_NEEDRESTART,
    DI_REMOVEDEVICE_GLOBAL, DICD_GENERATE_ID, DIF_REGISTERDEVICE, DIF_REMOVE, DN_HAS_PROBLEM,
    SP_CLASSINSTALL_HEADER, SP_DEVINFO_DATA, SP_DEVINSTALL_PARAMS_W, SP_REMOVEDEVICE_PARAMS,
    SPDRP_HARDWAREID, SPDRP_SERVICE, SetupDiCallClassInstaller, SetupDiCreateDeviceInfoW,
    SetupDiGetDeviceInstallParamsW, SetupDiGetINFClassW, SetupDiSetClassInstallParamsW,
    SetupDiSetDeviceRegistryPropertyW,
};
use windows_sys::core::GUID;

use super::super::HARDWARE_ID;
use crate::error::Error;
use crate::win32::devices::DeviceSet;
use crate::win32::{done, host, wide};

/// Instance ids of the nodes with the hardware id.
pub(super) fn ids() -> Result<Vec<String>, Error> {
    let set = DeviceSet::of_root()?;
    let mut ids = Vec::new();
    for device in set.devices()? {
        let hardware = set.strings(&device, SPDRP_HARDWAREID)?;
        if hardware.iter().any(|id| id.eq_ignore_ascii_case(HARDWARE_ID)) {
            ids.push(set.instance_id(&device)?);
        }
    }
    Ok(ids)
}

/// Makes a node of the class that the INF names, and registers it.
pub(super) fn create(inf: &Path) -> Result<String, Error> {
    let class = class_of(inf)?;
    let set = DeviceSet::empty(&class)?;
    let mut device = DeviceSet::element();
    // The name between enumerator and number: the node is ROOT\PAGEWISE\0000.
    let name = wide::from_str("PAGEWISE");
    let description = wide::from_str("Pagewise pageable driver");
    // SAFETY: the strings end with a zero and outlive the call, and the element says its size.
    let result = unsafe {
        SetupDiCreateDeviceInfoW(
            set.raw(),
            name.as_ptr(),
            &raw const class,
            description.as_ptr(),
            null_mut(),
            DICD_GENERATE_ID,
            &raw mut device,
        )
    };
    done(result, "SetupDiCreateDeviceInfo")?;
    // A list of one id ends with an empty string.
    let id: Vec<u16> = HARDWARE_ID.encode_utf16().chain([0, 0]).collect();
    let bytes: Vec<u8> = id.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let length = u32::try_from(bytes.len()).unwrap_or_default();
    // SAFETY: the element is of this set, and the buffer has as many bytes as told.
    let result = unsafe {
        SetupDiSetDeviceRegistryPropertyW(
            set.raw(),
            &raw mut device,
            SPDRP_HARDWAREID,
            bytes.as_ptr(),
            length,
        )
    };
    done(result, "SetupDiSetDeviceRegistryProperty(SPDRP_HARDWAREID)")?;
    // SAFETY: the element is of this set.
    let result =
        unsafe { SetupDiCallClassInstaller(DIF_REGISTERDEVICE, set.raw(), &raw const device) };
    done(result, "SetupDiCallClassInstaller(DIF_REGISTERDEVICE)")?;
    set.instance_id(&device)
}

/// Removes a node from every hardware profile. Tells whether the system has to restart.
pub(super) fn remove(node: &str) -> Result<bool, Error> {
    let Some((set, device)) = find(node)? else { return Ok(false) };
    let size = |bytes: usize| u32::try_from(bytes).unwrap_or_default();
    let parameters = SP_REMOVEDEVICE_PARAMS {
        ClassInstallHeader: SP_CLASSINSTALL_HEADER {
            cbSize: size(size_of::<SP_CLASSINSTALL_HEADER>()),
            InstallFunction: DIF_REMOVE,
        },
        Scope: DI_REMOVEDEVICE_GLOBAL,
        HwProfile: 0,
    };
    // SAFETY: the element is of this set, and the parameters begin with the header that is passed.
    let result = unsafe {
        SetupDiSetClassInstallParamsW(
            set.raw(),
            &raw const device,
            (&raw const parameters).cast(),
            size(size_of::<SP_REMOVEDEVICE_PARAMS>()),
        )
    };
    // Wine 8 takes no parameters for this function, and removes the device everywhere anyway.
    if !host::is_wine() {
        done(result, format!("SetupDiSetClassInstallParams(DIF_REMOVE) for {node}"))?;
    }
    // SAFETY: the element is of this set.
    let result = unsafe { SetupDiCallClassInstaller(DIF_REMOVE, set.raw(), &raw const device) };
    done(result, format!("SetupDiCallClassInstaller(DIF_REMOVE) for {node}"))?;
    let cb_size = size(size_of::<SP_DEVINSTALL_PARAMS_W>());
    let mut after = SP_DEVINSTALL_PARAMS_W { cbSize: cb_size, ..Default::default() };
    // SAFETY: the element is of this set, and the structure says its size.
    let result =
        unsafe { SetupDiGetDeviceInstallParamsW(set.raw(), &raw const device, &raw mut after) };
    Ok(result != 0 && after.Flags & (DI_NEEDREBOOT | DI_NEEDRESTART) != 0)
}

/// The service of a node.
pub(super) fn service_of(node: &str) -> Result<Option<String>, Error> {
    let Some((set, device)) = find(node)? else { return Ok(None) };
    Ok(set.strings(&device, SPDRP_SERVICE)?.into_iter().next())
}

/// The problem of a node. Wine answers that there is none, whatever there is.
pub(super) fn problem_of(node: &str) -> Result<Option<u32>, Error> {
    let Some((_, device)) = find(node)? else { return Ok(None) };
    let (mut status, mut problem) = (0, 0);
    // SAFETY: both are written to during the call only.
    let result =
        unsafe { CM_Get_DevNode_Status(&raw mut status, &raw mut problem, device.DevInst, 0) };
    match result {
        CR_SUCCESS => Ok((status & DN_HAS_PROBLEM != 0).then_some(problem)),
        // It is not present.
        CR_NO_SUCH_DEVNODE => Ok(None),
        other => {
            let operation = format!("CM_Get_DevNode_Status for {node}");
            Err(Error::Configuration { operation, code: other })
        }
    }
}

fn find(node: &str) -> Result<Option<(DeviceSet, SP_DEVINFO_DATA)>, Error> {
    let set = DeviceSet::of_root()?;
    for device in set.devices()? {
        if set.instance_id(&device)?.eq_ignore_ascii_case(node) {
            return Ok(Some((set, device)));
        }
    }
    Ok(None)
}

fn class_of(inf: &Path) -> Result<GUID, Error> {
    let path = wide::from_path(inf);
    let mut class = GUID::from_u128(0);
    // MAX_CLASS_NAME_LEN is 32.
    let mut name = [0u16; 64];
    // SAFETY: the path ends with a zero, and the buffer has room for as many units as told.
    let result = unsafe {
        SetupDiGetINFClassW(path.as_ptr(), &raw mut class, name.as_mut_ptr(), 64, null_mut())
    };
    done(result, format!("SetupDiGetINFClass for {}", inf.display()))?;
    Ok(class)
}
