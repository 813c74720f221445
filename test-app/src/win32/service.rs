//! Services, through the service control manager
//! (learn.microsoft.com/windows/win32/services/service-control-manager).

use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{
    ERROR_INSUFFICIENT_BUFFER, ERROR_SERVICE_DOES_NOT_EXIST, ERROR_SERVICE_MARKED_FOR_DELETE,
    ERROR_SERVICE_NOT_ACTIVE,
};
use windows_sys::Win32::Storage::FileSystem::DELETE;
use windows_sys::Win32::System::Services::{
    CloseServiceHandle, ControlService, DeleteService, OpenSCManagerW, OpenServiceW,
    QUERY_SERVICE_CONFIGW, QueryServiceConfigW, QueryServiceStatus, SC_HANDLE, SC_MANAGER_CONNECT,
    SERVICE_CONTROL_STOP, SERVICE_QUERY_CONFIG, SERVICE_QUERY_STATUS, SERVICE_STATUS, SERVICE_STOP,
};

use super::{done, failed, last_error, wide};
use crate::error::Error;
use crate::status::Win32;

/// What the service control manager says of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// `SERVICE_STOPPED` and so on.
    pub state: u32,
    /// `SERVICE_DEMAND_START` and so on.
    pub start: u32,
    /// Path of the image, as it was registered.
    pub image: String,
}

/// What there is of a service; nothing where it does not exist.
///
/// # Errors
/// [`Error::Win32`]
pub fn query(name: &str) -> Result<Option<Service>, Error> {
    let Some(service) = open(name, SERVICE_QUERY_CONFIG | SERVICE_QUERY_STATUS)? else {
        return Ok(None);
    };
    let mut status = SERVICE_STATUS::default();
    // SAFETY: the handle is open for this, and the structure outlives the call.
    let result = unsafe { QueryServiceStatus(service.0, &raw mut status) };
    done(result, format!("QueryServiceStatus for {name}"))?;
    let (start, image) = service.config(name)?;
    Ok(Some(Service { state: status.dwCurrentState, start, image }))
}

/// Asks a service to stop. That it does not run, or is not there, is no error.
///
/// # Errors
/// [`Error::Win32`]
pub fn stop(name: &str) -> Result<(), Error> {
    let Some(service) = open(name, SERVICE_STOP)? else { return Ok(()) };
    let mut status = SERVICE_STATUS::default();
    // SAFETY: the handle is open for this, and the structure outlives the call.
    let result = unsafe { ControlService(service.0, SERVICE_CONTROL_STOP, &raw mut status) };
    if result == 0 && last_error() == Win32(ERROR_SERVICE_NOT_ACTIVE) {
        return Ok(());
    }
    done(result, format!("ControlService(SERVICE_CONTROL_STOP) for {name}"))
}

/// Marks a service for deletion: it goes once it has stopped and the last handle is closed. That it
/// is marked, or not there, is no error.
///
/// # Errors
/// [`Error::Win32`]
pub fn delete(name: &str) -> Result<(), Error> {
    let Some(service) = open(name, DELETE)? else { return Ok(()) };
    // SAFETY: the handle is open for this.
    let result = unsafe { DeleteService(service.0) };
    if result == 0 && last_error() == Win32(ERROR_SERVICE_MARKED_FOR_DELETE) {
        return Ok(());
    }
    done(result, format!("DeleteService for {name}"))
}

/// A handle, closed when it is dropped.
struct Handle(SC_HANDLE);

impl Handle {
    fn config(&self, name: &str) -> Result<(u32, String), Error> {
        let mut needed = 0;
        // SAFETY: the handle is open for this; asked for the size, nothing is written but that.
        let result = unsafe { QueryServiceConfigW(self.0, null_mut(), 0, &raw mut needed) };
        let operation = || format!("QueryServiceConfig for {name}");
        if result == 0 && last_error() != Win32(ERROR_INSUFFICIENT_BUFFER) {
            return Err(failed(operation()));
        }
        // Aligned as the structure is.
        let mut buffer = vec![QUERY_SERVICE_CONFIGW::default()];
        let more = (needed as usize).div_ceil(size_of::<QUERY_SERVICE_CONFIGW>());
        buffer.resize(more.max(1), QUERY_SERVICE_CONFIGW::default());
        // SAFETY: the buffer has at least `needed` bytes.
        let result =
            unsafe { QueryServiceConfigW(self.0, buffer.as_mut_ptr(), needed, &raw mut needed) };
        done(result, operation())?;
        let Some(config) = buffer.first() else { return Ok((0, String::new())) };
        // SAFETY: the path lies in the buffer, which lives on, and ends with a zero.
        let image = unsafe { wide::from_pointer(config.lpBinaryPathName) };
        Ok((config.dwStartType, image))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and nothing uses it after this.
        unsafe { CloseServiceHandle(self.0) };
    }
}

fn open(name: &str, access: u32) -> Result<Option<Handle>, Error> {
    // SAFETY: null means this machine and its database of services.
    let manager = unsafe { OpenSCManagerW(null(), null(), SC_MANAGER_CONNECT) };
    if manager.is_null() {
        return Err(failed("OpenSCManager"));
    }
    let manager = Handle(manager);
    let wide_name = wide::from_str(name);
    // SAFETY: the manager is open, and the name ends with a zero.
    let service = unsafe { OpenServiceW(manager.0, wide_name.as_ptr(), access) };
    if !service.is_null() {
        return Ok(Some(Handle(service)));
    }
    match last_error() {
        Win32(ERROR_SERVICE_DOES_NOT_EXIST) => Ok(None),
        code => Err(Error::Win32 { operation: format!("OpenService for {name}"), code }),
    }
}
