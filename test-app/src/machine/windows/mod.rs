//! Windows, and Wine behind the same interface: the device is found by its interface class.

mod device;
mod find;
mod pending;
mod wide;

use std::sync::Arc;

use super::{Access, Choice, Code, Failure, Handle, Kind, Machine};
use crate::error::Error;
use crate::status::Win32;

/// Finds the device.
///
/// # Errors
/// [`Error::NoDevice`] and [`Error::SeveralDevices`] where there is not exactly one and none was
/// chosen.
pub fn connect(choice: &Choice) -> Result<Arc<dyn Machine>, Error> {
    if choice.lab.is_some() {
        return Err(Error::Usage(
            "--lab (or PAGEWISE_LAB) names the socket of a machine on a Unix host".to_owned(),
        ));
    }
    if let Some(path) = &choice.device {
        return Ok(Arc::new(Host { path: wide::from_str(path) }));
    }
    let mut paths = find::interfaces()?;
    match paths.len() {
        0 => Err(Error::NoDevice),
        1 => Ok(Arc::new(Host { path: paths.swap_remove(0) })),
        _ => Err(Error::SeveralDevices(paths.iter().map(|path| wide::to_string(path)).collect())),
    }
}

/// This host, and the device on it.
struct Host {
    /// Device interface path, with its terminating zero.
    path: Vec<u16>,
}

impl Machine for Host {
    fn kind(&self) -> Kind {
        if find::is_wine() { Kind::Wine } else { Kind::Windows }
    }

    fn name(&self) -> String {
        match self.kind() {
            Kind::Wine => "Wine".to_owned(),
            _ => "Windows".to_owned(),
        }
    }

    fn open(&self, access: Access) -> Result<Box<dyn Handle>, Failure> {
        Ok(Box::new(device::Device::open(&self.path, access)?))
    }
}

/// `GetLastError` as a failure.
fn last_error() -> Failure {
    let error = std::io::Error::last_os_error().raw_os_error().unwrap_or_default();
    Failure::Refused(Code::Win32(Win32(error.cast_unsigned())))
}
