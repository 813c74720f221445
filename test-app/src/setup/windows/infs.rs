//! The INF, and the driver store.

use std::fs;
use std::path::Path;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Devices::DeviceAndDriverInstallation::{
    INSTALLFLAG_FORCE, INSTALLFLAG_NONINTERACTIVE, SUOI_FORCEDELETE, SetupUninstallOEMInfW,
    UpdateDriverForPlugAndPlayDevicesW,
};

use super::super::HARDWARE_ID;
use crate::error::Error;
use crate::win32::{done, host, wide};

/// Installs an INF on every node with the hardware id. Tells whether the system has to restart
/// (learn.microsoft.com/windows/win32/api/newdev/nf-newdev-updatedriverforplugandplaydevicesw).
/// Never asks anybody: where it would have to, it fails.
pub(super) fn install(inf: &Path) -> Result<bool, Error> {
    let (id, path) = (wide::from_str(HARDWARE_ID), wide::from_path(inf));
    let mut restart = 0;
    // SAFETY: both strings end with a zero and outlive the call, as does `restart`.
    let result = unsafe {
        UpdateDriverForPlugAndPlayDevicesW(
            null_mut(),
            id.as_ptr(),
            path.as_ptr(),
            INSTALLFLAG_FORCE | INSTALLFLAG_NONINTERACTIVE,
            &raw mut restart,
        )
    };
    done(result, format!("UpdateDriverForPlugAndPlayDevices with {}", inf.display()))?;
    Ok(restart != 0)
}

/// Names of the published INFs that install the driver's hardware id. The store gives packages new
/// names, so it takes a look into each.
pub(super) fn published() -> Result<Vec<String>, Error> {
    let folder = host::windows_folder().join("INF");
    let unreadable = |source| Error::File { what: "list", path: folder.clone(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_published(&name) && fs::read(entry.path()).is_ok_and(|bytes| installs(&bytes)) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Takes a package out of the driver store, even if a device that is not present uses it
/// (learn.microsoft.com/windows/win32/api/setupapi/nf-setupapi-setupuninstalloeminfw).
pub(super) fn remove(name: &str) -> Result<(), Error> {
    let wide_name = wide::from_str(name);
    // SAFETY: the name ends with a zero, and the last argument is reserved.
    let result = unsafe { SetupUninstallOEMInfW(wide_name.as_ptr(), SUOI_FORCEDELETE, null()) };
    done(result, format!("SetupUninstallOEMInf for {name}"))
}

/// Windows publishes what is not its own as oemN.inf; Wine 8 keeps the name.
fn is_published(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    if name == "pagewise.inf" {
        return true;
    }
    let number = name.strip_prefix("oem").and_then(|rest| rest.strip_suffix(".inf"));
    number.is_some_and(|digits| digits.parse::<u32>().is_ok())
}

/// Whether an INF, in ASCII or UTF-16, names the hardware id.
fn installs(bytes: &[u8]) -> bool {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => {
            let units = rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
            String::from_utf16_lossy(&units.collect::<Vec<_>>())
        }
        _ => String::from_utf8_lossy(bytes).into_owned(),
    };
    text.to_ascii_uppercase().contains(HARDWARE_ID)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_published_packages_are_looked_into() {
        assert!(is_published("oem12.inf") && is_published("OEM0.INF"));
        assert!(is_published("pagewise.inf"));
        assert!(
            !is_published("oem.inf") && !is_published("oem1.pnf") && !is_published("wineusb.inf")
        );
    }

    #[test]
    fn the_hardware_id_is_found_in_either_encoding() {
        let text = "%Device% = Pagewise_Device, root\\pagewise\r\n";
        assert!(installs(text.as_bytes()));
        let wide = text.encode_utf16().flat_map(u16::to_le_bytes);
        assert!(installs(&[0xff, 0xfe].into_iter().chain(wide).collect::<Vec<_>>()));
        assert!(!installs(b"%Device% = Other, ROOT\\OTHER"));
    }
}
