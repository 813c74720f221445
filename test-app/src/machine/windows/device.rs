//! An open device. Requests are overlapped, so that they can be cancelled and outnumber threads.

use std::collections::HashMap;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{CloseHandle, HANDLE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::Storage::FileSystem::{
    CreateFileW, FILE_FLAG_OVERLAPPED, FILE_SHARE_READ, FILE_SHARE_WRITE, OPEN_EXISTING,
};

use super::pending::Pending;
use super::{Access, Failure, Handle, last_error};
use crate::machine::Ticket;

/// A handle to the device.
pub(super) struct Device {
    handle: HANDLE,
    next: u64,
    pending: HashMap<Ticket, Pending>,
}

// SAFETY: a file handle belongs to the process, not to the thread that opened it, and `&mut self`
// on every request keeps two threads from using one `Device` at a time.
unsafe impl Send for Device {}

impl Device {
    /// `CreateFile` on a device interface path that ends with a zero.
    ///
    /// # Errors
    /// [`Failure::Refused`]
    pub(super) fn open(path: &[u16], access: Access) -> Result<Self, Failure> {
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
        if handle == INVALID_HANDLE_VALUE {
            return Err(last_error());
        }
        Ok(Self { handle, next: 0, pending: HashMap::new() })
    }

    fn take(&mut self, ticket: Ticket) -> Result<Pending, Failure> {
        let unknown = || Failure::Broken("a request was waited for twice".to_owned());
        self.pending.remove(&ticket).ok_or_else(unknown)
    }
}

impl Handle for Device {
    fn start(&mut self, code: u32, input: &[u8], capacity: u32) -> Result<Ticket, Failure> {
        let pending = Pending::start(self.handle, code, input, capacity)?;
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
        self.take(ticket)?.wait()
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
