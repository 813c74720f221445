//! Who is connected, so that a machine that shuts down can hang up on them.

use std::collections::BTreeMap;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a client's thread may take to close its handles. A driver that holds a request for
/// longer holds up nobody's shutdown.
const PATIENCE: Duration = Duration::from_secs(2);

/// More clients at a time are not served: each takes a thread and a few of the host's descriptors,
/// of which a process has 1024 by custom.
pub(super) const MOST: usize = 256;

/// The clients of this process.
pub(super) static CLIENTS: Clients = Clients {
    inner: Mutex::new(Inner { streams: BTreeMap::new(), next: 0 }),
    gone: Condvar::new(),
};

/// See the module.
pub(super) struct Clients {
    inner: Mutex<Inner>,
    gone: Condvar,
}

struct Inner {
    streams: BTreeMap<u64, UnixStream>,
    next: u64,
}

/// A client's place in the list, until it is dropped.
pub(super) struct Place(u64);

impl Clients {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a client on the list; nothing where it is full.
    pub(super) fn enter(&self, stream: UnixStream) -> Option<Place> {
        let mut inner = self.lock();
        if inner.streams.len() >= MOST {
            return None;
        }
        let number = inner.next;
        inner.next += 1;
        inner.streams.insert(number, stream);
        Some(Place(number))
    }

    /// Ends every connection and waits until their handles are closed; false where some are not.
    pub(super) fn hang_up(&self) -> bool {
        let inner = self.lock();
        for stream in inner.streams.values() {
            // It fails only where the client has hung up first.
            let _ = stream.shutdown(Shutdown::Read);
        }
        let connected = |inner: &mut Inner| !inner.streams.is_empty();
        let waited = self.gone.wait_timeout_while(inner, PATIENCE, connected);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        CLIENTS.lock().streams.remove(&self.0);
        CLIENTS.gone.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::thread;

    use super::*;

    #[test]
    fn hanging_up_ends_a_clients_reads_and_waits_for_it() {
        let (mut ours, _theirs) = UnixStream::pair().unwrap();
        let place = CLIENTS.enter(ours.try_clone().unwrap()).unwrap();
        let client = thread::spawn(move || {
            let read = ours.read(&mut [0]).unwrap();
            drop(place);
            read
        });
        assert!(CLIENTS.hang_up());
        assert_eq!(client.join().unwrap(), 0);
    }
}
