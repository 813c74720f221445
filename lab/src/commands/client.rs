//! The client that a machine is booted for.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};
use std::thread::{self, JoinHandle};
use std::{io, panic};

use anyhow::{Context, Result, bail};

/// Exit code where the client failed.
const FAILED: u8 = 4;

/// A client that runs.
pub struct Client {
    name: String,
    watcher: JoinHandle<io::Result<ExitStatus>>,
}

/// How a client ended.
#[derive(Debug)]
pub struct Ended {
    name: String,
    status: ExitStatus,
}

/// Starts a client, which finds the machine's socket in `PAGEWISE_LAB`; `ended` is called at its
/// end.
///
/// # Errors
/// What the host says of the program.
pub fn start(
    command: &[OsString],
    socket: &Path,
    ended: impl FnOnce() + Send + 'static,
) -> Result<Client> {
    let Some((program, arguments)) = command.split_first() else { bail!("no client is named") };
    let name = program.display().to_string();
    let mut child = Command::new(program)
        .args(arguments)
        .env("PAGEWISE_LAB", socket)
        .spawn()
        .with_context(|| format!("cannot start the client {name}; name a program after --"))?;
    let watcher = thread::spawn(move || {
        let status = child.wait();
        ended();
        status
    });
    Ok(Client { name, watcher })
}

impl Client {
    /// Waits for its end.
    ///
    /// # Errors
    /// What the host says of waiting.
    pub fn wait(self) -> Result<Ended> {
        let status = self.watcher.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
        let status = status.with_context(|| format!("cannot wait for {}", self.name))?;
        Ok(Ended { name: self.name, status })
    }
}

impl Ended {
    /// Whether it ended well.
    pub fn is_success(&self) -> bool {
        self.status.success()
    }

    /// Success, or that of a client that failed, which is said.
    pub fn exit_code(&self) -> ExitCode {
        if self.is_success() {
            return ExitCode::SUCCESS;
        }
        eprintln!("error: the client {} ended with {}", self.name, self.status);
        FAILED.into()
    }
}
