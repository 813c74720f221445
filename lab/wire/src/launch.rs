//! Starting a machine, and seeing to it that it ends.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::{BugCheck, Client, Control, Error};

/// Exit code of a machine that bug-checked.
pub const BUG_CHECK_EXIT: i32 = 70;

/// What to start.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program `pagewise-lab`.
    pub program: PathBuf,
    /// The driver's image.
    pub driver: PathBuf,
    /// The framework's image, `wdfldr.sys`.
    pub framework: PathBuf,
    /// The driver's INF, from which the device takes its security and its registry values.
    pub inf: Option<PathBuf>,
    /// Further arguments of `pagewise-lab run`.
    pub arguments: Vec<OsString>,
    /// Where what the machine and its drivers print goes; where none is named, to this process's
    /// standard error.
    pub log: Option<PathBuf>,
}

/// A machine in a process of its own. Dropped, it is killed; so it is when this process dies, or
/// the thread that started it.
#[derive(Debug)]
pub struct Machine {
    child: Child,
    folder: PathBuf,
}

/// Why a machine did not start.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The program could not be run.
    #[error("cannot start {program}; build it with `cargo xtask build`")]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the host said.
        #[source]
        source: io::Error,
    },
    /// A file of the machine's could not be made or replaced.
    #[error("cannot write {file}")]
    File {
        /// The file.
        file: PathBuf,
        /// What the host said.
        #[source]
        source: io::Error,
    },
    /// It ended before it was ready.
    #[error(
        "the machine ended before it was ready ({status}); what it said stands above or in its log"
    )]
    NotReady {
        /// How it ended.
        status: ExitStatus,
    },
}

impl Launch {
    /// The four files by their names in `artifacts`, as `cargo xtask build` leaves them there.
    #[must_use]
    pub fn from_artifacts(artifacts: &Path) -> Self {
        Self {
            program: artifacts.join("pagewise-lab"),
            driver: artifacts.join("pagewise.sys"),
            framework: artifacts.join("wdfldr.sys"),
            inf: Some(artifacts.join("pagewise.inf")).filter(|inf| inf.exists()),
            arguments: Vec::new(),
            log: None,
        }
    }

    /// Starts the machine and waits until its socket listens and its driver is started. `folder`
    /// must exist; the socket and a report go there.
    ///
    /// # Errors
    /// [`LaunchError`]
    pub fn start(&self, folder: &Path) -> Result<Machine, LaunchError> {
        let mut command = Command::new(&self.program);
        command
            .args(["run", "--with-parent", "--driver"])
            .arg(&self.driver)
            .arg("--wdf")
            .arg(&self.framework);
        if let Some(inf) = &self.inf {
            command.arg("--inf").arg(inf);
        }
        command.arg("--socket").arg(folder.join(SOCKET)).arg("--report").arg(folder.join(REPORT));
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        if let Some(log) = &self.log {
            let file = File::create(log);
            command.stderr(file.map_err(|source| LaunchError::File { file: log.clone(), source })?);
        }
        let report = folder.join(REPORT);
        match fs::remove_file(&report) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(LaunchError::File { file: report, source });
            }
            _ => {}
        }
        let mut child = command
            .spawn()
            .map_err(|source| LaunchError::Spawn { program: self.program.clone(), source })?;
        let ready = child.stdout.take().is_some_and(|stdout| {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).is_ok() && line.contains("\"ready\"")
        });
        let mut machine = Machine { child, folder: folder.to_owned() };
        if ready {
            return Ok(machine);
        }
        let status = machine
            .wait()
            .map_err(|source| LaunchError::Spawn { program: self.program.clone(), source })?;
        Err(LaunchError::NotReady { status })
    }
}

const SOCKET: &str = "machine.sock";
const REPORT: &str = "bugcheck.json";

impl Machine {
    /// The socket it listens on.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join(SOCKET)
    }

    /// Where it leaves a report if it bug-checks.
    #[must_use]
    pub fn report_path(&self) -> PathBuf {
        self.folder.join(REPORT)
    }

    /// The host's number of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The report, if it has bug-checked.
    #[must_use]
    pub fn report(&self) -> Option<BugCheck> {
        serde_json::from_slice(&fs::read(self.report_path()).ok()?).ok()
    }

    /// A new connection.
    ///
    /// # Errors
    /// [`Error::Socket`] where it no longer listens.
    pub fn connect(&self) -> Result<Client, Error> {
        Client::connect(&self.socket())
    }

    /// Asks it to shut down and waits for its end.
    ///
    /// # Errors
    /// What the host says of waiting. That the machine was gone already is none.
    pub fn shut_down(mut self) -> io::Result<ExitStatus> {
        if let Ok(mut client) = self.connect() {
            // A machine that is gone before it can answer has done what was asked.
            let _ = client.control(&Control::Shutdown);
        }
        self.wait()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// What the host says of waiting.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Both fail only where the process has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
