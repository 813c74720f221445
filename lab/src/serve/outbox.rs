//! Replies to one client, from whatever thread has one.
//!
//! A client that does not read its answers holds up nobody but itself: what its socket has no room
//! for waits here, and a thread of its own sees it off. The client's frames are read no further
//! meanwhile, and when too much waits, the client is hung up on.

use std::io::{self, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use pagewise_lab_wire::{Header, Kind, MAX_PAYLOAD, write_frame};
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

/// Bytes that may wait before the client's frames do, too.
const ROOM: usize = 1 << 20;

/// Bytes that may wait at all. Answers to requests that pend come whether there is room or not.
const MOST: usize = 4 * MAX_PAYLOAD as usize;

/// The writing end of a connection.
#[derive(Debug)]
pub(super) struct Outbox {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    stream: UnixStream,
    inner: Mutex<Inner>,
    /// Something was sent, or nothing ever will be.
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    scratch: Vec<u8>,
    /// What is to be sent.
    waiting: Vec<u8>,
    /// Bytes that the sender has taken from there and not sent yet.
    taken: usize,
    /// Whether a thread sends.
    sending: bool,
    /// Whether the client was hung up on, or has gone.
    closed: bool,
}

impl Outbox {
    pub(super) fn new(stream: UnixStream) -> Self {
        let shared = Shared { stream, inner: Mutex::default(), moved: Condvar::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Answers the frame `id`, without waiting for the client. One that no longer listens misses
    /// nothing.
    pub(super) fn reply(&self, id: u64, a: u32, b: u32, payload: &[u8]) {
        let mut inner = self.shared.lock();
        if inner.closed {
            return;
        }
        let header = Header::new(Kind::Reply, id, a, b, 0);
        let mut scratch = std::mem::take(&mut inner.scratch);
        let mut eager = Eager { stream: &self.shared.stream, inner: &mut inner };
        let sent = write_frame(&mut eager, &mut scratch, header, &[payload]);
        inner.scratch = scratch;
        if sent.is_err() || inner.waiting.len() + inner.taken > MOST {
            self.shared.close(&mut inner);
        } else if !inner.waiting.is_empty() && !inner.sending {
            inner.sending = true;
            let shared = Arc::clone(&self.shared);
            let sender = thread::Builder::new().name("answers".to_owned());
            if sender.spawn(move || shared.send_off()).is_err() {
                self.shared.close(&mut inner);
            }
        }
    }

    /// Waits until the client has read so much that there is room for more answers.
    pub(super) fn wait_for_room(&self) {
        let full = |inner: &mut Inner| !inner.closed && inner.waiting.len() + inner.taken > ROOM;
        let inner = self.shared.lock();
        drop(self.shared.moved.wait_while(inner, full).unwrap_or_else(PoisonError::into_inner));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hangs up: the client's frames end, and nothing is sent any more.
    fn close(&self, inner: &mut Inner) {
        inner.closed = true;
        inner.waiting = Vec::new();
        // It fails only where the client has hung up first.
        let _ = self.stream.shutdown(Shutdown::Both);
        self.moved.notify_all();
    }

    /// Sends what waits, as fast as the client reads, until nothing does.
    fn send_off(&self) {
        let mut inner = self.lock();
        while !inner.waiting.is_empty() {
            let bytes = std::mem::take(&mut inner.waiting);
            inner.taken = bytes.len();
            drop(inner);
            let sent = (&self.stream).write_all(&bytes);
            inner = self.lock();
            inner.taken = 0;
            if sent.is_err() {
                self.close(&mut inner);
            }
            self.moved.notify_all();
        }
        inner.sending = false;
    }
}

/// Sends what the socket takes at once; the rest waits.
struct Eager<'a> {
    stream: &'a UnixStream,
    inner: &'a mut Inner,
}

impl Write for Eager<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // What comes later must not overtake what waits.
        if self.inner.waiting.is_empty() && !self.inner.sending {
            match send(self.stream, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                sent => return Ok(sent?),
            }
        }
        self.inner.waiting.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use pagewise_lab_wire::read_frame;

    use super::*;

    /// How long a reply may take that waits for nobody.
    const AT_ONCE: Duration = Duration::from_secs(5);

    #[test]
    fn a_client_that_does_not_read_holds_nobody_up_and_loses_nothing() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let outbox = Outbox::new(ours);
        let payload = vec![7; 64 << 10];
        let start = Instant::now();
        for id in 0..64 {
            outbox.reply(id, 0, 0, &payload);
        }
        assert!(start.elapsed() < AT_ONCE);
        let reader = thread::spawn(move || {
            let (mut theirs, mut bytes) = (theirs, Vec::new());
            for id in 0..65 {
                let header = read_frame(&mut theirs, &mut bytes).unwrap().unwrap();
                assert_eq!(header.id, id, "answers stay in their order");
                assert!(bytes.len() == 64 << 10 || id == 64);
            }
        });
        outbox.wait_for_room();
        outbox.reply(64, 0, 0, &[]);
        reader.join().unwrap();
    }

    #[test]
    fn a_client_that_lets_too_much_wait_is_hung_up_on() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let outbox = Outbox::new(ours);
        let payload = vec![7; MAX_PAYLOAD as usize];
        for id in 0..8 {
            outbox.reply(id, 0, 0, &payload);
        }
        // Whoever waits for room is let go.
        outbox.wait_for_room();
        let end = io::copy(&mut &theirs, &mut io::sink());
        assert!(end.is_ok_and(|bytes| bytes < MOST as u64));
    }
}
