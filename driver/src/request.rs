//! A `WDFREQUEST` that this driver owns.

use pagewise_core::{Refusal, Request};
use wdk_sys::{NTSTATUS, STATUS_BUFFER_TOO_SMALL, WDFREQUEST};

use crate::wdf;

/// A request between its arrival and its completion.
pub struct IoRequest {
    handle: WDFREQUEST,
    input_length: usize,
}

impl IoRequest {
    /// Takes a request over.
    ///
    /// # Safety
    /// The driver owns `handle`, a `METHOD_BUFFERED` device control request with `input_length`
    /// bytes of input, and nobody else completes it.
    ///
    /// # IRQL
    /// `PASSIVE_LEVEL`
    pub unsafe fn new(handle: WDFREQUEST, input_length: usize) -> Self {
        Self { handle, input_length }
    }

    /// Completes the request, with the first `information` bytes of its output buffer as the reply.
    ///
    /// # IRQL
    /// `PASSIVE_LEVEL`
    pub fn complete(self, status: NTSTATUS, information: usize) {
        // SAFETY: the driver owns the request, and `self` is gone afterwards.
        unsafe { wdf::request_complete_with_information(self.handle, status, information) };
    }
}

impl Request for IoRequest {
    fn input_length(&self) -> usize {
        self.input_length
    }

    fn input(&mut self, least: usize) -> Result<&[u8], Refusal> {
        // SAFETY: the driver owns the request.
        let input = unsafe { wdf::request_retrieve_input_buffer(self.handle, least) };
        let (first, length) = input.map_err(refusal)?;
        // SAFETY: the framework gives a buffer that is valid until the request is completed, which
        // consumes `self`, and the unique borrow keeps `output` from being called meanwhile.
        Ok(unsafe { core::slice::from_raw_parts(first, length) })
    }

    fn output(&mut self, least: usize) -> Result<&mut [u8], Refusal> {
        // SAFETY: the driver owns the request.
        let output = unsafe { wdf::request_retrieve_output_buffer(self.handle, least) };
        let (first, length) = output.map_err(refusal)?;
        // SAFETY: as for the input; it is the system's copy, which no client can write meanwhile.
        Ok(unsafe { core::slice::from_raw_parts_mut(first, length) })
    }
}

fn refusal(status: NTSTATUS) -> Refusal {
    match status {
        STATUS_BUFFER_TOO_SMALL => Refusal::BufferTooSmall,
        other => Refusal::Framework(other),
    }
}
