//! `pagewise-lab run`.

use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{fs, io, thread};

use anyhow::{Context, Result};
use pagewise_lab::machine::{self, Options};
use pagewise_lab::{bugcheck, mm, serve, verifier};
use pagewise_lab_wire::Verifier;
use rustix::process::{Signal, set_parent_process_death_signal};

/// What the user can say.
#[derive(clap::Args)]
pub struct Arguments {
    /// The driver's image.
    #[arg(long, value_name = "FILE")]
    driver: PathBuf,
    /// The framework's image, WDFLDR.SYS, which a KMDF driver imports.
    #[arg(long, value_name = "FILE")]
    wdf: Option<PathBuf>,
    /// The driver's INF: the device's security, hardware id and registry values.
    #[arg(long, value_name = "FILE")]
    inf: Option<PathBuf>,
    /// Where clients connect.
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// Where a bug check leaves its report as JSON.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Do not load the driver; a client will.
    #[arg(long)]
    no_load: bool,
    /// Load the driver but enumerate no device.
    #[arg(long)]
    no_plug: bool,
    /// Driver Verifier: evict everything pageable at each raise to DISPATCH_LEVEL.
    #[arg(long)]
    force_irql: bool,
    /// Driver Verifier: check the IRQL that each routine documents.
    #[arg(long)]
    ddi_compliance: bool,
    /// End when the process that started this one ends.
    #[arg(long)]
    with_parent: bool,
    /// Choose an undocumented outcome; docs/policies.md lists them.
    #[arg(long, value_name = "NAME=VALUE", value_parser = policy)]
    policy: Vec<(String, String)>,
}

fn policy(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a policy is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Boots, serves, and ends with the machine.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if arguments.with_parent {
        set_parent_process_death_signal(Some(Signal::KILL))
            .context("cannot tie the machine to the process that started it")?;
    }
    if let Some(report) = &arguments.report {
        bugcheck::report_to(report);
    }
    for (name, value) in &arguments.policy {
        mm::policy::set(name, value)?;
    }
    let listener = listen(&arguments.socket)?;
    verifier::set(&Verifier {
        force_irql: arguments.force_irql,
        ddi_compliance: arguments.ddi_compliance,
        ..Verifier::default()
    });
    let machine = machine::boot(Options {
        driver: arguments.driver.clone(),
        framework: arguments.wdf.clone(),
        inf: arguments.inf.clone(),
        load: !arguments.no_load,
        plug: !(arguments.no_load || arguments.no_plug),
    })?;
    thread::Builder::new()
        .name("accept".to_owned())
        .spawn(move || serve::run(machine, &listener))
        .context("the host has no thread for clients")?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", serde_json::json!({ "ready": arguments.socket }))
        .and_then(|()| stdout.flush())
        .context("cannot say that the machine is ready")?;
    drop(stdout);
    machine.wait_for_request();
    serve::hang_up();
    machine.shut_down();
    // It is in nobody's way: the machine is gone.
    let _ = fs::remove_file(&arguments.socket);
    Ok(ExitCode::SUCCESS)
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
