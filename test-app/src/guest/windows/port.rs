//! A serial port
//! (learn.microsoft.com/windows/win32/devio/communications-resources).

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::windows::fs::OpenOptionsExt as _;
use std::os::windows::io::AsRawHandle as _;

use windows_sys::Win32::Devices::Communication::{
    COMMTIMEOUTS, DCB, GetCommState, NOPARITY, ONESTOPBIT, SetCommState, SetCommTimeouts,
};

use super::super::task;
use crate::error::Error;
use crate::status::Win32;
use crate::win32::done;

/// Of the DCB's bit field: `fBinary`, `fDtrControl` and `fRtsControl` set to "enable", and no flow
/// control of any kind.
const BINARY_DTR_RTS: u32 = 1 | 1 << 4 | 1 << 12;
const BAUD: u32 = 115_200;
/// Milliseconds that a read waits for its first byte.
const READ_WAITS: u32 = 100;
/// Milliseconds that a write may take; the longest one takes six seconds at this speed.
const WRITE_WAITS: u32 = 10_000;

/// Opens a port, such as `COM1`: 115200 8N1. A read gives what is there, and waits no longer than a
/// tenth of a second for it. A machine may have no such port.
pub(super) fn open(name: &str) -> Result<Option<File>, Error> {
    if !task::is_port(name) {
        return Err(Error::Usage(format!("{name:?} is no serial port, such as COM1")));
    }
    let operation = |function: &str| format!("{function} for {name}");
    let options = OpenOptions::new().read(true).write(true).share_mode(0).to_owned();
    let port = match options.open(format!(r"\\.\{name}")) {
        Ok(port) => port,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let code = Win32(error.raw_os_error().unwrap_or_default().cast_unsigned());
            return Err(Error::Win32 { operation: operation("CreateFile"), code });
        }
    };
    let handle = port.as_raw_handle();
    let length = u32::try_from(size_of::<DCB>()).unwrap_or_default();
    let mut state = DCB { DCBlength: length, ..DCB::default() };
    // SAFETY: the handle is that of an open file, and the structure says its size and outlives the
    // call.
    let result = unsafe { GetCommState(handle, &raw mut state) };
    done(result, operation("GetCommState"))?;
    state.BaudRate = BAUD;
    state.ByteSize = 8;
    state.Parity = NOPARITY;
    state.StopBits = ONESTOPBIT;
    state._bitfield = BINARY_DTR_RTS;
    // SAFETY: as above; the system has filled what is not set here.
    let result = unsafe { SetCommState(handle, &raw const state) };
    done(result, operation("SetCommState"))?;
    // The first two being at their largest, a read returns at once with what is there.
    let timeouts = COMMTIMEOUTS {
        ReadIntervalTimeout: u32::MAX,
        ReadTotalTimeoutMultiplier: u32::MAX,
        ReadTotalTimeoutConstant: READ_WAITS,
        WriteTotalTimeoutMultiplier: 0,
        WriteTotalTimeoutConstant: WRITE_WAITS,
    };
    // SAFETY: the handle is that of an open port, and the structure outlives the call.
    let result = unsafe { SetCommTimeouts(handle, &raw const timeouts) };
    done(result, operation("SetCommTimeouts"))?;
    Ok(Some(port))
}
