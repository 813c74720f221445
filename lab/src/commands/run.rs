//! `pagewise-lab run`.

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io, thread};

use anyhow::{Context, Result};
use pagewise_lab::ke::schedule;
use pagewise_lab::machine::{self, Machine, Options};
use pagewise_lab::{bugcheck, mm, serve, verifier};
use rustix::process::{Signal, set_parent_process_death_signal};
use tempfile::TempDir;

use super::client::{self, Ended};
use super::framework;
use super::parameter::{self, Parameter};

/// What the user can say.
#[derive(clap::Args)]
#[group(id = "run_arguments")]
pub struct Arguments {
    /// The driver's image.
    #[arg(value_name = "X.sys", required_unless_present = "driver", conflicts_with = "driver")]
    image: Option<PathBuf>,
    /// The driver's image, as an option.
    #[arg(long, value_name = "FILE")]
    driver: Option<PathBuf>,
    /// The framework's image, WDFLDR.SYS, which a KMDF driver imports. Where none is named, the
    /// wdfldr.sys beside this program, for a driver that needs one.
    #[arg(long, value_name = "FILE")]
    wdf: Option<PathBuf>,
    /// The driver's INF: the device's security, hardware id and registry values.
    #[arg(long, value_name = "FILE")]
    inf: Option<PathBuf>,
    /// A value of the service's Parameters key; a number is REG_DWORD, all else REG_SZ.
    #[arg(long, value_name = "NAME=VALUE", value_parser = parameter::parse)]
    parameter: Vec<Parameter>,
    /// Where clients connect. Where none is named, a place of its own, which the client finds in
    /// PAGEWISE_LAB.
    #[arg(long, value_name = "PATH", required_unless_present = "client")]
    socket: Option<PathBuf>,
    /// Where a bug check leaves its report as JSON.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Where a bug check leaves the machine's memory, for gdb: pagewise-lab debug --dump FILE.
    #[arg(long, value_name = "FILE")]
    dump: Option<PathBuf>,
    /// Do not load the driver; a client will.
    #[arg(long)]
    no_load: bool,
    /// Load the driver but enumerate no device.
    #[arg(long)]
    no_plug: bool,
    #[command(flatten)]
    verifier: super::verifier::Arguments,
    #[command(flatten)]
    schedule: super::schedule::Arguments,
    /// End when the process that started this one ends.
    #[arg(long)]
    with_parent: bool,
    /// Choose an undocumented outcome; docs/policies.md lists them.
    #[arg(long, value_name = "NAME=VALUE", value_parser = policy)]
    policy: Vec<(String, String)>,
    /// A program to run against the machine, which ends with it, and its arguments.
    #[arg(last = true, value_name = "CLIENT")]
    client: Vec<OsString>,
}

impl Arguments {
    /// The driver's image.
    pub(super) fn driver(&self) -> &Path {
        // One of the two is there: clap sees to it.
        self.image.as_deref().or(self.driver.as_deref()).unwrap_or(Path::new(""))
    }

    /// The client to run, and its arguments.
    pub(super) fn client(&self) -> Option<&[OsString]> {
        Some(self.client.as_slice()).filter(|client| !client.is_empty())
    }
}

fn policy(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a policy is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Boots, serves, and ends with the machine.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let running = Running::start(arguments).inspect_err(|_| schedule::say_how_to_repeat())?;
    let Some(client) = arguments.client() else {
        running.say_ready()?;
        running.machine.wait_for_request();
        running.end();
        return Ok(ExitCode::SUCCESS);
    };
    let ended = running.serve(client)?;
    if !ended.is_success() {
        schedule::say_how_to_repeat();
    }
    Ok(ended.exit_code())
}

/// A machine that serves clients.
pub(super) struct Running {
    machine: &'static Machine,
    socket: PathBuf,
    /// Of the socket, where the user named none.
    folder: Option<TempDir>,
}

impl Running {
    /// Boots as the arguments say.
    pub(super) fn start(arguments: &Arguments) -> Result<Self> {
        if arguments.with_parent {
            set_parent_process_death_signal(Some(Signal::KILL))
                .context("cannot tie the machine to the process that started it")?;
        }
        if let Some(report) = &arguments.report {
            bugcheck::report_to(report);
        }
        if let Some(dump) = &arguments.dump {
            bugcheck::dump_to(dump);
        }
        for (name, value) in &arguments.policy {
            mm::policy::set(name, value)?;
        }
        let (socket, folder) = match &arguments.socket {
            Some(socket) => (socket.clone(), None),
            None => {
                let folder = tempfile::tempdir().context("cannot make a folder for the socket")?;
                let socket = folder.path().join("machine.sock");
                machine::take_along(&socket, folder.path());
                (socket, Some(folder))
            }
        };
        let listener = listen(&socket)?;
        let seed = arguments.schedule.seed();
        arguments.schedule.start(seed)?;
        verifier::start_with(&arguments.verifier.settings(seed));
        let machine = machine::boot(Options {
            driver: arguments.driver().to_owned(),
            framework: framework::of(arguments.driver(), arguments.wdf.as_deref()),
            inf: arguments.inf.clone(),
            parameters: arguments.parameter.iter().map(Parameter::value).collect(),
            load: !arguments.no_load,
            plug: !(arguments.no_load || arguments.no_plug),
        })?;
        thread::Builder::new()
            .name("accept".to_owned())
            .spawn(move || serve::run(machine, &listener))
            .context("the host has no thread for clients")?;
        Ok(Self { machine, socket, folder })
    }

    fn say_ready(&self) -> Result<()> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{}", serde_json::json!({ "ready": self.socket }))
            .and_then(|()| stdout.flush())
            .context("cannot say that the machine is ready")
    }

    /// Runs a client, and ends with it or when it asks for that.
    pub(super) fn serve(self, client: &[OsString]) -> Result<Ended> {
        let machine = self.machine;
        let client = client::start(client, &self.socket, || machine.request_shutdown())?;
        machine.wait_for_request();
        self.end();
        client.wait()
    }

    fn end(self) {
        serve::hang_up();
        self.machine.shut_down();
        // It is in nobody's way: the machine is gone.
        let _ = fs::remove_file(&self.socket);
        drop(self.folder);
        if let Some((decisions, fingerprint)) = schedule::summary() {
            eprintln!("schedule: {decisions} decisions, fingerprint {fingerprint:#018x}");
        }
    }
}

/// Listens on a socket of this path; one that a dead machine left is replaced.
fn listen(path: &PathBuf) -> Result<UnixListener> {
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_dead(path) => {
            fs::remove_file(path).and_then(|()| UnixListener::bind(path))
        }
        other => other,
    };
    listener.with_context(|| {
        format!(
            "cannot listen on {}; a path that is free and shorter than 108 bytes is needed",
            path.display()
        )
    })
}

fn is_dead(path: &PathBuf) -> bool {
    std::os::unix::net::UnixStream::connect(path)
        .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
