//! Restarting and switching off
//! (learn.microsoft.com/windows/win32/api/winreg/nf-winreg-initiatesystemshutdownexw).

use std::ptr::null;
use std::thread;
use std::time::Duration;

use windows_sys::Win32::Foundation::ERROR_SHUTDOWN_IN_PROGRESS;
use windows_sys::Win32::System::Shutdown::{
    InitiateSystemShutdownExW, SHTDN_REASON_FLAG_PLANNED, SHTDN_REASON_MAJOR_OTHER,
};

use crate::error::Error;
use crate::status::Win32;
use crate::win32::{done, token, wide};

/// How often it is asked, and how long between: a system that has just come up may not be ready.
const TRIES: u32 = 10;
const TICK: Duration = Duration::from_secs(2);

/// Restarts the system, at once and whoever works on it.
pub(super) fn restart() -> Result<(), Error> {
    go(true)
}

/// Switches the machine off.
pub(super) fn shut_down() -> Result<(), Error> {
    go(false)
}

fn go(restart: bool) -> Result<(), Error> {
    token::enable("SeShutdownPrivilege")?;
    let mut asked = ask(restart);
    for _ in 1..TRIES {
        match asked {
            Ok(()) => return Ok(()),
            // Somebody else was faster.
            Err(Error::Win32 { code: Win32(ERROR_SHUTDOWN_IN_PROGRESS), .. }) => return Ok(()),
            Err(_) => thread::sleep(TICK),
        }
        asked = ask(restart);
    }
    asked
}

fn ask(restart: bool) -> Result<(), Error> {
    let message = wide::from_str("Pagewise: the plan of the hand-over disk");
    // SAFETY: null means this machine; the message ends with a zero and outlives the call.
    let result = unsafe {
        InitiateSystemShutdownExW(
            null(),
            message.as_ptr(),
            0,
            1,
            i32::from(restart),
            SHTDN_REASON_MAJOR_OTHER | SHTDN_REASON_FLAG_PLANNED,
        )
    };
    done(result, "InitiateSystemShutdownEx")
}
