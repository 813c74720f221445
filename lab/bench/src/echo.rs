//! The baseline of an IOCTL: a bare ping-pong over a Unix stream socket between two processes, read
//! in the same way as the machine and its clients read. (With reads that sleep it is bimodal: whether
//! the host wakes the peer on a processor that idles decides between 7 and 80 microseconds.)

use std::env;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use pagewise_lab_wire::Polling;

/// The child's side: for each `request` bytes, `reply` bytes, until the other end closes.
pub fn serve(socket: &Path, request: usize, reply: usize) -> Result<()> {
    let listener = UnixListener::bind(socket).context("cannot listen for the ping-pong")?;
    let (mut stream, _) = listener.accept()?;
    let mut reader = Polling::new(stream.try_clone()?);
    let (mut request, reply) = (vec![0; request], vec![0; reply]);
    while reader.read_exact(&mut request).is_ok() {
        stream.write_all(&reply)?;
    }
    Ok(())
}

/// The parent's side.
pub struct PingPong {
    child: Child,
    stream: UnixStream,
    reader: Polling,
    request: Vec<u8>,
    reply: Vec<u8>,
}

impl PingPong {
    /// Starts the other process; the socket is made in `folder`.
    pub fn start(folder: &Path, request: usize, reply: usize) -> Result<Self> {
        let socket = folder.join("echo.sock");
        let mut child = Command::new(env::current_exe()?)
            .arg("echo")
            .arg(&socket)
            .args([request.to_string(), reply.to_string()])
            .stdin(Stdio::null())
            .spawn()?;
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            match UnixStream::connect(&socket) {
                Ok(stream) => {
                    let reader = Polling::new(stream.try_clone()?);
                    return Ok(Self {
                        child,
                        stream,
                        reader,
                        request: vec![0; request],
                        reply: vec![0; reply],
                    });
                }
                Err(_) if Instant::now() < deadline => std::thread::yield_now(),
                Err(error) => {
                    let _ = child.kill();
                    return Err(error).context("the ping-pong's other end did not come up");
                }
            }
        }
    }

    /// Nanoseconds of a round trip, over `trips` of them.
    pub fn round_trip_ns(&mut self, trips: u32) -> Result<f64> {
        let start = Instant::now();
        for _ in 0..trips {
            self.stream.write_all(&self.request)?;
            self.reader.read_exact(&mut self.reply)?;
        }
        Ok(start.elapsed().as_nanos() as f64 / f64::from(trips))
    }
}

impl Drop for PingPong {
    fn drop(&mut self) {
        // It fails only where the child has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
