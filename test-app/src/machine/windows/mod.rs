//! Windows, and Wine behind the same interface: the device is found by its interface class.

mod device;
mod facts;
mod pending;
mod plug;

use std::path::Path;
use std::sync::Arc;

use super::{
    Access, Asked, Choice, Code, DriverPages, Failure, Handle, How, Kind, Machine, Need, Plug,
};
use crate::error::Error;
use crate::setup::Package;
use crate::status::NtStatus;
use crate::win32::{self, host, interfaces, memory, performance, somebody, wide};

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
    let chosen = choice.device.as_deref().map(wide::from_str);
    if chosen.is_none() {
        the_only_one()?;
    }
    Ok(Arc::new(Host::new(chosen, choice.package.as_deref())))
}

/// The path of the device, where there is exactly one.
fn the_only_one() -> Result<Vec<u16>, Error> {
    let mut paths = interfaces::interfaces()?;
    match paths.len() {
        0 => Err(Error::NoDevice),
        1 => Ok(paths.swap_remove(0)),
        _ => Err(Error::SeveralDevices(paths.iter().map(|path| wide::to_string(path)).collect())),
    }
}

/// This host, and the device on it.
struct Host {
    /// Device interface path, with its terminating zero, where one was chosen. Else it is looked
    /// for at each open: a device that is installed again may have another.
    chosen: Option<Vec<u16>>,
    /// What to install it again from, or why there is nothing.
    package: Result<Package, String>,
    is_wine: bool,
}

impl Host {
    fn new(chosen: Option<Vec<u16>>, package: Option<&Path>) -> Self {
        let package = Package::find(package, false).map_err(|error| error.to_string());
        Self { chosen, package, is_wine: host::is_wine() }
    }

    fn path(&self) -> Result<Vec<u16>, Failure> {
        if let Some(path) = &self.chosen {
            return Ok(path.clone());
        }
        the_only_one().map_err(|error| match error {
            Error::NoDevice => Failure::status(NtStatus::NO_SUCH_DEVICE),
            Error::Win32 { code, .. } => Failure::Refused(Code::Win32(code)),
            other => Failure::Broken(other.to_string()),
        })
    }

    fn open_path(&self, path: Vec<u16>, access: Access) -> Result<Box<dyn Handle>, Failure> {
        Ok(Box::new(device::Device::open(path, access, self.is_wine)?))
    }
}

impl Machine for Host {
    fn kind(&self) -> Kind {
        if self.is_wine { Kind::Wine } else { Kind::Windows }
    }

    fn name(&self) -> String {
        match self.kind() {
            Kind::Wine => "Wine".to_owned(),
            _ => "Windows".to_owned(),
        }
    }

    fn open(&self, access: Access) -> Result<Box<dyn Handle>, Failure> {
        self.open_path(self.path()?, access)
    }

    fn open_as_user(&self, access: Access) -> Result<Box<dyn Handle>, Failure> {
        // Found by the program itself: only the open shall be refused.
        let path = self.path()?;
        let opened = somebody::as_everyone(|| self.open_path(path, access));
        opened.unwrap_or_else(|error| Err(Failure::Broken(error.to_string())))
    }

    fn lacks(&self, need: Need) -> Option<String> {
        let by_kind = need.refused_by(self.kind()).map(str::to_owned);
        match (&self.package, need) {
            (Err(why), Need::Replug) => by_kind.or_else(|| Some(why.clone())),
            _ => by_kind,
        }
    }

    fn driver_pages(&self) -> Result<Option<DriverPages>, Error> {
        performance::driver_pages()
    }

    fn ask_to_trim(&self, how: How) -> Result<Vec<Asked>, Error> {
        if self.is_wine {
            // Its NtSetSystemInformation answers success and does nothing.
            let why = Need::Evict.refused_by(Kind::Wine).unwrap_or_default();
            return Err(Error::Skipped(format!("{why}, and there is nothing to ask for it")));
        }
        memory::trim(how)
    }

    fn try_means(&self, number: usize) -> Option<Result<Asked, Error>> {
        // Wine's answers success and does nothing.
        if self.is_wine { None } else { memory::try_means(number) }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        if self.is_wine { Vec::new() } else { facts::read() }
    }

    fn plug(&self) -> Option<&dyn Plug> {
        self.package.is_ok().then_some(self)
    }
}

/// `GetLastError` as a failure.
fn last_error() -> Failure {
    Failure::Refused(Code::Win32(win32::last_error()))
}
