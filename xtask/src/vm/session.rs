//! A machine that runs, and what is heard of it: bytes of its line, events of QEMU.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::machine::{Process, Spec};
use super::monitor::{Event, Monitor};

/// How long QEMU may take to connect to our sockets.
const CONNECT: Duration = Duration::from_secs(20);
/// How long a guest that does not read may hold us up: what it does not get is repeated.
const WRITE: Duration = Duration::from_millis(50);
/// Messages that wait for us: a guest that floods its line waits, too.
const QUEUE: usize = 16;
/// QEMU tells of a reset on another socket than the line: what the guest wrote before it comes
/// first if the reset waits for so long.
const EVENT_DELAY: Duration = Duration::from_millis(200);

/// What is heard.
#[derive(Debug)]
pub enum Message {
    /// Bytes of the guest's line.
    Bytes(Vec<u8>),
    /// QEMU has closed the line: it ends.
    LineClosed,
    /// QEMU told something.
    Machine(Event),
}

/// Sockets that QEMU connects to.
pub struct Sockets {
    folder: TempDir,
    line: UnixListener,
    monitor: UnixListener,
}

impl Sockets {
    /// Listens, in a folder with a short path: a socket's has 108 bytes at most (unix(7)).
    pub fn listen() -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder for sockets")?;
        let listen = |name: &str| {
            let path = folder.path().join(name);
            let socket = UnixListener::bind(&path);
            socket.with_context(|| format!("cannot listen on {}", path.display()))
        };
        let (line, monitor) = (listen("line")?, listen("monitor")?);
        Ok(Self { folder, line, monitor })
    }

    /// Where the guest's line will be.
    pub fn line(&self) -> PathBuf {
        self.folder.path().join("line")
    }

    /// Where QEMU's monitor will be.
    pub fn monitor(&self) -> PathBuf {
        self.folder.path().join("monitor")
    }
}

/// A machine that runs. Dropped, it is ended.
pub struct Session {
    process: Process,
    monitor: Monitor,
    line: UnixStream,
    messages: Receiver<(Instant, Message)>,
    held: Vec<(Instant, Event)>,
    line_closed: bool,
}

impl Session {
    /// Starts it, with its sockets. What QEMU itself says goes to the file `said`.
    pub fn start(spec: &Spec, sockets: Sockets, said: &Path) -> Result<Self> {
        let mut process = Process::start(spec, said)?;
        let monitor = accept(&sockets.monitor, &mut process)?;
        let line = accept(&sockets.line, &mut process)?;
        line.set_write_timeout(Some(WRITE)).context("cannot set up the line's socket")?;
        let (send, messages) = mpsc::sync_channel(QUEUE);
        let from = line.try_clone().context("cannot share the line's socket")?;
        let bytes = send.clone();
        thread::spawn(move || read(from, &bytes));
        let monitor = Monitor::greet(monitor, move |event| {
            let _ = send.send((Instant::now(), Message::Machine(event)));
        })
        .with_context(|| format!("QEMU does not answer{}", told(&process)))?;
        let held = Vec::new();
        Ok(Self { process, monitor, line, messages, held, line_closed: false })
    }

    /// What is heard next, within a time.
    pub fn next(&mut self, limit: Duration) -> Option<Message> {
        let now = Instant::now();
        if let Some(index) = self.held.iter().position(|(at, _)| now >= *at + EVENT_DELAY) {
            return Some(Message::Machine(self.held.remove(index).1));
        }
        match self.messages.recv_timeout(limit.min(EVENT_DELAY)) {
            Ok((at, Message::Machine(event))) => {
                self.held.push((at, event));
                None
            }
            Ok((_, message)) => {
                self.line_closed |= matches!(message, Message::LineClosed);
                Some(message)
            }
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                thread::sleep(limit.min(EVENT_DELAY));
                None
            }
        }
    }

    /// Whether all is over: QEMU has ended, and everything it told was taken.
    pub fn over(&mut self) -> Result<Option<ExitStatus>> {
        let ended = self.process.ended()?;
        Ok(ended.filter(|_| self.line_closed && self.held.is_empty()))
    }

    /// Writes to the guest. What it does not read in time is lost; it will be told again.
    pub fn write(&mut self, bytes: &[u8]) {
        let _ = self.line.write_all(bytes);
    }

    /// Commands QEMU.
    pub const fn monitor(&mut self) -> &mut Monitor {
        &mut self.monitor
    }

    /// Ends the machine, whatever it does, and QEMU with it.
    pub fn end(mut self) -> Result<ExitStatus> {
        if self.process.ended()?.is_none() {
            // It writes its disks out on this way.
            let _ = self.monitor.quit();
        }
        let ended = self.process.wait(Duration::from_secs(10))?;
        ended.context("QEMU does not end; it was killed")
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.line.shutdown(Shutdown::Both);
    }
}

fn accept(listener: &UnixListener, process: &mut Process) -> Result<UnixStream> {
    listener.set_nonblocking(true).context("cannot wait for QEMU")?;
    let began = Instant::now();
    loop {
        match listener.accept() {
            Ok((socket, _)) => {
                socket.set_nonblocking(false).context("cannot set up a socket")?;
                return Ok(socket);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error).context("cannot take QEMU's connection"),
        }
        if let Some(status) = process.ended()? {
            bail!("QEMU does not start ({status}){}", told(process));
        }
        if began.elapsed() > CONNECT {
            bail!("QEMU did not connect within {} s{}", CONNECT.as_secs(), told(process));
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// What QEMU said, as the end of an error message.
fn told(process: &Process) -> String {
    let said = process.said();
    if said.is_empty() { said } else { format!("\n{said}") }
}

/// Reads the line until QEMU closes it.
fn read(mut from: UnixStream, to: &SyncSender<(Instant, Message)>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let message = match from.read(&mut buffer) {
            Ok(0) | Err(_) => Message::LineClosed,
            Ok(count) => Message::Bytes(buffer[..count].to_vec()),
        };
        let closed = matches!(message, Message::LineClosed);
        if to.send((Instant::now(), message)).is_err() || closed {
            return;
        }
    }
}
