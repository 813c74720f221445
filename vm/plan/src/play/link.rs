//! The port, in a thread of its own.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::control::{Alive, Control};
use crate::frame::Frame;
use crate::sender::{ALIVE_EVERY, Sender};

/// How long the host may take to acknowledge more, at the end.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a waiting one looks.
const TICK: Duration = Duration::from_millis(20);

/// A serial port. Reading waits about a tenth of a second at most, and then gives nothing: one
/// thread does both.
pub trait Port: Read + Write + Send {}

impl<T: Read + Write + Send> Port for T {}

/// Sends lines to the host in the background, and says that the guest is alive.
pub struct Link {
    shared: Arc<Mutex<Shared>>,
    thread: Option<JoinHandle<Box<dyn Port>>>,
    start: Instant,
}

struct Shared {
    sender: Sender,
    boot: u32,
    step: Option<(String, Instant)>,
    stop: bool,
}

impl Link {
    /// Starts.
    #[must_use]
    pub fn start(port: Box<dyn Port>, sender: Sender, boot: u32) -> Self {
        let shared = Arc::new(Mutex::new(Shared { sender, boot, step: None, stop: false }));
        let start = Instant::now();
        let worker = Worker { shared: Arc::clone(&shared), start };
        let thread = Some(thread::spawn(move || worker.work(port)));
        Self { shared, thread, start }
    }

    /// One more line; it is on the guest's disk.
    pub fn push(&self, frame: Frame) {
        lock(&self.shared).sender.push(frame);
    }

    /// The step under way, for the signs of life.
    pub fn set_step(&self, step: Option<&str>) {
        lock(&self.shared).step = step.map(|step| (step.to_owned(), Instant::now()));
    }

    /// Waits until the host has everything. Whether it has; if it does not answer for half a minute,
    /// it has not.
    pub fn drain(&self) -> bool {
        let (mut acknowledged, mut since) = (None, self.start.elapsed());
        loop {
            let now = self.start.elapsed();
            let shared = lock(&self.shared);
            if shared.sender.is_drained() {
                return true;
            }
            if shared.sender.acknowledged() != acknowledged {
                (acknowledged, since) = (shared.sender.acknowledged(), now);
            }
            drop(shared);
            if now.saturating_sub(since) > PATIENCE {
                return false;
            }
            thread::sleep(TICK);
        }
    }

    /// Ends the thread, and gives the port back.
    #[must_use]
    pub fn stop(&mut self) -> Box<dyn Port> {
        lock(&self.shared).stop = true;
        let port = self.thread.take().and_then(|thread| thread.join().ok());
        port.unwrap_or_else(|| Box::new(io::Cursor::new(Vec::new())))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Its thread ends by itself: a port that hangs must not hang the guest.
        lock(&self.shared).stop = true;
    }
}

struct Worker {
    shared: Arc<Mutex<Shared>>,
    start: Instant,
}

impl Worker {
    fn work(self, mut port: Box<dyn Port>) -> Box<dyn Port> {
        let mut buffer = [0; 4096];
        let mut alive_at = Duration::ZERO;
        loop {
            let now = self.start.elapsed();
            let mut bytes = {
                let mut shared = lock(&self.shared);
                if shared.stop {
                    break;
                }
                shared.sender.poll(now)
            };
            if now >= alive_at {
                alive_at = now + ALIVE_EVERY;
                bytes.extend(lock(&self.shared).alive().frame());
            }
            // What is lost is sent again; a port that does not work shows in no other way.
            let _ = port.write_all(&bytes).and_then(|()| port.flush());
            match port.read(&mut buffer) {
                Ok(0) => thread::sleep(TICK),
                Ok(count) => lock(&self.shared).sender.feed(&buffer[..count], self.start.elapsed()),
                Err(error) if is_timeout(&error) => {}
                Err(_) => thread::sleep(10 * TICK),
            }
        }
        port
    }
}

impl Shared {
    fn alive(&self) -> Control {
        let (step, seconds) = match &self.step {
            Some((step, since)) => (Some(step.clone()), since.elapsed().as_secs()),
            None => (None, 0),
        };
        Control::Alive(Alive { boot: self.boot, step, seconds })
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// A thread that panicked has left nothing half done here.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
