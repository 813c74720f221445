//! Reading from a busy socket without going to sleep.
//!
//! A thread that sleeps until its peer answers is woken, where a processor is idle, on that one: on
//! a virtual machine that costs tens of microseconds, many times the answer itself. A reader whose
//! peer answered quickly the last time therefore looks again for a moment, giving way to whoever
//! else can run, before it sleeps.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

/// How long is looked: longer than a round trip takes, shorter than anyone notices.
const MOMENT: Duration = Duration::from_micros(60);

/// The reading end of a socket.
#[derive(Debug)]
pub struct Polling {
    stream: UnixStream,
    /// Whether the last wait was short.
    busy: bool,
}

impl Polling {
    /// Reads from `stream`, which stays in blocking mode.
    #[must_use]
    pub fn new(stream: UnixStream) -> Self {
        Self { stream, busy: true }
    }

    /// Looks until something is there; `None` where nothing came in a moment.
    fn look(&self, bytes: &mut [u8], start: Instant) -> Option<io::Result<usize>> {
        loop {
            match recv(&self.stream, &mut *bytes, RecvFlags::DONTWAIT) {
                Ok((count, _)) => return Some(Ok(count)),
                Err(Errno::AGAIN | Errno::INTR) if start.elapsed() < MOMENT => {
                    std::thread::yield_now();
                }
                Err(Errno::AGAIN | Errno::INTR) => return None,
                Err(error) => return Some(Err(error.into())),
            }
        }
    }
}

impl Read for Polling {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let start = Instant::now();
        if self.busy
            && let Some(result) = self.look(bytes, start)
        {
            return result;
        }
        let result = self.stream.read(bytes);
        // Waking up is part of this, hence more than a moment.
        self.busy = start.elapsed() < 8 * MOMENT;
        result
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::thread;

    use super::*;

    #[test]
    fn what_comes_at_once_late_and_never_is_read_as_from_the_socket() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut near = Polling::new(near);
        let mut bytes = [0; 4];
        far.write_all(b"once").unwrap();
        assert_eq!(near.read(&mut bytes).unwrap(), 4);
        assert_eq!(&bytes, b"once");
        let late = thread::spawn(move || {
            thread::sleep(20 * MOMENT);
            far.write_all(b"late").unwrap();
        });
        near.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"late");
        late.join().unwrap();
        assert_eq!(near.read(&mut bytes).unwrap(), 0);
    }
}
