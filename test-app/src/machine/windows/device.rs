//! An open device. Requests are overlapped, so that they can be cancelled and outnumber threads.

use std::collections::HashMap;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_ACCESS_DENIED, ERROR_FILE_NOT_FOUND, ERROR_GEN_FAILURE,
    ERROR_INVALID_HANDLE, ERROR_PATH_NOT_FOUND, HANDLE, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::Storage::FileSystem::{
    CreateFileW, FILE_FLAG_OVERLAPPED, FILE_SHARE_READ, FILE_SHARE_WRITE, OPEN_EXISTING,
};

use super::pending::Pending;
use super::{Access, Failure, Handle, last_error};
use crate::machine::{Code, Ticket};
use crate::status::Win32;
use crate::win32::interfaces;

/// A handle to the device.
pub(super) struct Device {
    handle: HANDLE,
    next: u64,
    pending: HashMap<Ticket, Pending>,
    /// On Wine, the path: a driver that dies there takes its process with it, and no more.
    mortal: Option<Vec<u16>>,
}

// SAFETY: a file handle belongs to the process, not to the thread that opened it, and `&mut self`
// on every request keeps two threads from using one `Device` at a time.
unsafe impl Send for Device {}

impl Device {
    /// `CreateFile` on a device interface path that ends with a zero.
    ///
    /// # Errors
    /// [`Failure::Refused`]; [`Failure::Gone`] where the driver's process has died.
    pub(super) fn open(path: Vec<u16>, access: Access, is_wine: bool) -> Result<Self, Failure> {
        let handle = create(&path, access).map_err(|failure| match failure {
            failure if is_wine && is_dead(&path, &failure) => Failure::Gone,
            failure => failure,
        })?;
        let mortal = is_wine.then_some(path);
        Ok(Self { handle, next: 0, pending: HashMap::new(), mortal })
    }

    /// The failure of a request, or what is behind it: on Wine a driver's process that has died.
    fn told(&self, failure: Failure) -> Failure {
        // What the request under way, and those after it, end with.
        const SUSPICIOUS: [u32; 3] = [ERROR_ACCESS_DENIED, ERROR_INVALID_HANDLE, ERROR_GEN_FAILURE];
        let Failure::Refused(Code::Win32(Win32(code))) = failure else { return failure };
        let Some(path) = self.mortal.as_ref().filter(|_| SUSPICIOUS.contains(&code)) else {
            return failure;
        };
        match create(path, Access::Read) {
            Ok(handle) => {
                // SAFETY: the handle was just opened, and nothing else has it.
                unsafe { CloseHandle(handle) };
                failure
            }
            Err(reopening) if is_dead(path, &reopening) => Failure::Gone,
            Err(_) => failure,
        }
    }

    fn take(&mut self, ticket: Ticket) -> Result<Pending, Failure> {
        let unknown = || Failure::Broken("a request was waited for twice".to_owned());
        self.pending.remove(&ticket).ok_or_else(unknown)
    }
}

impl Handle for Device {
    fn start(&mut self, code: u32, input: &[u8], capacity: u32) -> Result<Ticket, Failure> {
        let pending = Pending::start(self.handle, code, input, capacity)
            .map_err(|failure| self.told(failure))?;
        self.next += 1;
        self.pending.insert(Ticket(self.next), pending);
        Ok(Ticket(self.next))
    }

    fn cancel(&mut self, ticket: Ticket) -> Result<(), Failure> {
        match self.pending.get(&ticket) {
            Some(pending) => pending.cancel(),
            None => Ok(()),
        }
    }

    fn wait(&mut self, ticket: Ticket) -> Result<Vec<u8>, Failure> {
        let ended = self.take(ticket)?.wait();
        ended.map_err(|failure| self.told(failure))
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // Closing cancels nothing of an overlapped request that other handles could still see;
        // each pending one cancels itself and waits, since the kernel writes to its buffers.
        self.pending.clear();
        // SAFETY: the handle is open, and nothing uses it after this.
        unsafe { CloseHandle(self.handle) };
    }
}

fn create(path: &[u16], access: Access) -> Result<HANDLE, Failure> {
    // SAFETY: the path ends with a zero and outlives the call; the other pointers may be null.
    let handle = unsafe {
        CreateFileW(
            path.as_ptr(),
            access.bits(),
            FILE_SHARE_READ | FILE_SHARE_WRITE,
            null(),
            OPEN_EXISTING,
            FILE_FLAG_OVERLAPPED,
            null_mut(),
        )
    };
    if handle == INVALID_HANDLE_VALUE { Err(last_error()) } else { Ok(handle) }
}

/// Whether the registry still has the interface as enabled, and nobody is behind it.
fn is_dead(path: &[u16], failure: &Failure) -> bool {
    const NOBODY: [u32; 2] = [ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND];
    let Failure::Refused(Code::Win32(Win32(code))) = failure else { return false };
    let told = |paths: Vec<Vec<u16>>| paths.iter().any(|one| one == path);
    NOBODY.contains(code) && interfaces::interfaces().is_ok_and(told)
}
