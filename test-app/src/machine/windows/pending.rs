//! One overlapped request: its buffers must outlive it in the kernel
//! (learn.microsoft.com/windows/win32/api/ioapiset/nf-ioapiset-deviceiocontrol).

use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{CloseHandle, ERROR_IO_PENDING, ERROR_NOT_FOUND, HANDLE};
use windows_sys::Win32::System::IO::{
    CancelIoEx, DeviceIoControl, GetOverlappedResult, OVERLAPPED,
};
use windows_sys::Win32::System::Threading::CreateEventW;

use super::{Failure, last_error};
use crate::machine::Code;
use crate::status::Win32;

/// A request that the kernel may still be working on.
pub(super) struct Pending {
    handle: HANDLE,
    event: HANDLE,
    // Boxed, so that its address stays while `Pending` moves.
    overlapped: Box<OVERLAPPED>,
    // Only kept; the kernel reads and writes them until the request has ended.
    input: Box<[u8]>,
    output: Box<[u8]>,
    /// How it ended, if it ended at once.
    failed: Option<Failure>,
    ended: bool,
}

impl Pending {
    /// `DeviceIoControl`. A refusal that comes at once is kept for [`Pending::wait`].
    pub(super) fn start(
        handle: HANDLE,
        code: u32,
        input: &[u8],
        capacity: u32,
    ) -> Result<Self, Failure> {
        let too_long = |_| Failure::Broken("an input of more than 4 GiB".to_owned());
        let length = u32::try_from(input.len()).map_err(too_long)?;
        // SAFETY: all of the arguments may be null or zero.
        let event = unsafe { CreateEventW(null(), 1, 0, null()) };
        if event.is_null() {
            return Err(last_error());
        }
        let mut pending = Self {
            handle,
            event,
            overlapped: Box::new(OVERLAPPED { hEvent: event, ..OVERLAPPED::default() }),
            input: input.into(),
            output: vec![0; capacity as usize].into(),
            failed: None,
            ended: false,
        };
        // SAFETY: both buffers have the lengths that are given, and they and `overlapped` live on
        // the heap until `pending` is dropped, which waits for the request to end.
        let done = unsafe {
            DeviceIoControl(
                handle,
                code,
                pending.input.as_ptr().cast(),
                length,
                pending.output.as_mut_ptr().cast(),
                capacity,
                null_mut(),
                &raw mut *pending.overlapped,
            )
        };
        if done == 0 {
            let failure = last_error();
            if failure != Failure::Refused(Code::Win32(Win32(ERROR_IO_PENDING))) {
                pending.failed = Some(failure);
                pending.ended = true;
            }
        }
        Ok(pending)
    }

    /// `CancelIoEx`. That there is nothing left to cancel is no error.
    pub(super) fn cancel(&self) -> Result<(), Failure> {
        if self.ended {
            return Ok(());
        }
        // SAFETY: the handle is open, and `overlapped` is that of a request which was started on it.
        let done = unsafe { CancelIoEx(self.handle, &raw const *self.overlapped) };
        match done {
            0 => match last_error() {
                Failure::Refused(Code::Win32(Win32(ERROR_NOT_FOUND))) => Ok(()),
                failure => Err(failure),
            },
            _ => Ok(()),
        }
    }

    /// `GetOverlappedResult`: waits, and takes the output.
    pub(super) fn wait(mut self) -> Result<Vec<u8>, Failure> {
        let bytes = self.finish()?;
        let output = std::mem::take(&mut self.output);
        match output.get(..bytes as usize) {
            Some(output) => Ok(output.to_vec()),
            None => Err(Failure::Broken(format!("{bytes} bytes in a buffer of {}", output.len()))),
        }
    }

    fn finish(&mut self) -> Result<u32, Failure> {
        if let Some(failure) = self.failed.take() {
            return Err(failure);
        }
        let mut bytes = 0;
        // SAFETY: `overlapped` is that of a request on this handle, and `bytes` outlives the call.
        let done = unsafe {
            GetOverlappedResult(self.handle, &raw const *self.overlapped, &raw mut bytes, 1)
        };
        self.ended = true;
        if done == 0 { Err(last_error()) } else { Ok(bytes) }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.ended {
            // The buffers must not go before the request. How it ends is of no interest any more.
            let _ = self.cancel();
            let _ = self.finish();
        }
        // SAFETY: the event is open, and the request that would set it has ended.
        unsafe { CloseHandle(self.event) };
    }
}
