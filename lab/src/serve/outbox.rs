//! Replies to one client, from whatever thread has one.

use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

use pagewise_lab_wire::{Header, Kind, write_frame};

/// The writing end of a connection.
#[derive(Debug)]
pub(super) struct Outbox {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    stream: UnixStream,
    scratch: Vec<u8>,
}

impl Outbox {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self { inner: Mutex::new(Inner { stream, scratch: Vec::new() }) }
    }

    /// Answers the frame `id`. A client that no longer listens misses nothing.
    pub(super) fn reply(&self, id: u64, a: u32, b: u32, payload: &[u8]) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { stream, scratch } = &mut *inner;
        let header = Header::new(Kind::Reply, id, a, b, 0);
        let _ = write_frame(stream, scratch, header, &[payload]);
    }
}
