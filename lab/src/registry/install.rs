//! What an installation leaves in the registry.

use std::sync::Arc;

use pagewise_lab_nt as nt;

use super::{Key, KeyError, Value};
use crate::pnp::inf::{self, Installation};

const SERVICES: &str = r"\Registry\Machine\System\CurrentControlSet\Services";
const ENUM: &str = r"\Registry\Machine\System\CurrentControlSet\Enum";
const CLASS: &str = r"\Registry\Machine\System\CurrentControlSet\Control\Class";

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn text(name: &str, text: &str) -> Value {
    let data = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    Value { name: wide(name), kind: nt::REG_SZ, data }
}

fn number(name: &str, number: u32) -> Value {
    Value { name: wide(name), kind: nt::REG_DWORD, data: number.to_le_bytes().to_vec() }
}

fn set_all(key: &Arc<Key>, values: &[inf::Value]) -> Result<(), KeyError> {
    for value in values {
        let (at, _) = key.create(&wide(&value.subkey))?;
        let (kind, data) = (value.kind, value.data.clone());
        at.set(Value { name: wide(&value.name), kind, data })?;
    }
    Ok(())
}

/// Path of a service's key, which `DriverEntry` gets.
#[must_use]
pub fn service_path(service: &str) -> String {
    format!(r"{SERVICES}\{service}")
}

/// Makes the key of a kernel driver's service, started on demand, with the INF's values
/// (learn.microsoft.com/windows-hardware/drivers/install/hklm-system-currentcontrolset-services-registry-tree).
///
/// # Errors
/// [`KeyError`]: a path that the INF gives badly.
pub fn install_service(service: &str, image: &str, values: &[inf::Value]) -> Result<(), KeyError> {
    const KERNEL_DRIVER: u32 = 1;
    const DEMAND_START: u32 = 3;
    const ERROR_NORMAL: u32 = 1;
    let (key, _) = super::create(&wide(&service_path(service)))?;
    key.set(text("ImagePath", &format!(r"\SystemRoot\System32\drivers\{image}")))?;
    key.set(number("Type", KERNEL_DRIVER))?;
    key.set(number("Start", DEMAND_START))?;
    key.set(number("ErrorControl", ERROR_NORMAL))?;
    key.create(&wide("Parameters"))?;
    set_all(&key, values)
}

/// Makes the keys of a device: its instance under `Enum`, its hardware key below that, and its
/// driver key under its class.
///
/// # Errors
/// As [`install_service`].
pub fn install_device(path: &str, installation: &Installation) -> Result<(), KeyError> {
    let (key, _) = super::create(&wide(&format!(r"{ENUM}\{path}")))?;
    key.set(text("DeviceDesc", &installation.description))?;
    key.set(text("Service", &installation.service))?;
    key.set(text("ClassGUID", &installation.class_guid))?;
    key.set(text("Driver", &driver_of(installation)))?;
    let ids = format!("{}\0", installation.hardware_id);
    key.set(Value { kind: nt::REG_MULTI_SZ, ..text("HardwareID", &ids) })?;
    let (hardware, _) = key.create(&wide("Device Parameters"))?;
    set_all(&hardware, &installation.device_values)?;
    let (driver, _) = super::create(&wide(&format!(r"{CLASS}\{}", driver_of(installation))))?;
    driver.set(text("DriverDesc", &installation.description))
}

fn driver_of(installation: &Installation) -> String {
    format!(r"{}\0000", installation.class_guid)
}

/// The hardware key of a device, for `PLUGPLAY_REGKEY_DEVICE`.
///
/// # Errors
/// [`KeyError`] where the device was not installed.
pub fn device_key(path: &str) -> Result<Arc<Key>, KeyError> {
    super::open(&wide(&format!(r"{ENUM}\{path}\Device Parameters")))
}

/// The driver key of a device, for `PLUGPLAY_REGKEY_DRIVER`.
///
/// # Errors
/// As [`device_key`].
pub fn driver_key(installation: &Installation) -> Result<Arc<Key>, KeyError> {
    super::open(&wide(&format!(r"{CLASS}\{}", driver_of(installation))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_can_be_found_again() {
        let value = inf::Value {
            subkey: r"Parameters\Deep".to_owned(),
            name: "Limit".to_owned(),
            kind: nt::REG_DWORD,
            data: vec![7, 0, 0, 0],
        };
        install_service("installtest", "installtest.sys", std::slice::from_ref(&value)).unwrap();
        let key = super::super::open(&wide(&service_path("InstallTest"))).unwrap();
        assert_eq!(key.value(&wide("start")).unwrap(), number("Start", 3));
        let deep = key.open(&wide(r"parameters\deep")).unwrap();
        assert_eq!(deep.value(&wide("limit")).unwrap().data, value.data);

        let mut installation = Installation::bare("installtest");
        installation.class_guid = "{0}".to_owned();
        let value = inf::Value { subkey: String::new(), ..value };
        installation.device_values = vec![value];
        assert_eq!(device_key(r"ROOT\INSTALLTEST\0000").unwrap_err(), KeyError::NotFound);
        install_device(r"ROOT\INSTALLTEST\0000", &installation).unwrap();
        let hardware = device_key(r"ROOT\INSTALLTEST\0000").unwrap();
        assert_eq!(hardware.value(&wide("Limit")).unwrap().data, [7, 0, 0, 0]);
        assert!(driver_key(&installation).unwrap().value(&wide("DriverDesc")).is_ok());
    }
}
