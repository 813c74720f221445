//! `cargo xtask verify`: the main job. Builds the driver, boots a machine with it, lets the test
//! app drive and verify it, and shuts the machine down.
//!
//! On the lab here, on Wine in [`crate::wine`], on Windows in [`crate::vm`].

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use pagewise_lab_wire::{Launch, Machine};

use crate::build;
use crate::vm;
use crate::wine;
use crate::workspace::Workspace;

/// What the user can say.
#[derive(clap::Args)]
pub struct Arguments {
    /// Write the results here as JSON, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The machine to verify on.
    #[arg(long, value_enum, default_value_t = On::Lab)]
    on: On,
    /// Verify this image of the driver instead of the one that is built.
    #[arg(long, value_name = "FILE")]
    driver: Option<PathBuf>,
    /// Verify what is in target/pagewise already.
    #[arg(long)]
    no_build: bool,
    /// Install this package, made of the same image, instead of a new one (Wine, Windows).
    #[arg(long, value_name = "FOLDER")]
    package: Option<PathBuf>,
    /// Leave Wine's prefix behind and tell how to use it; or the virtual machine's disks.
    #[arg(long)]
    keep: bool,
    /// Further arguments of `test-app verify`, such as --only or --seed.
    #[arg(last = true)]
    rest: Vec<OsString>,
}

/// Machines that can be booted from here.
#[derive(Clone, Copy, clap::ValueEnum)]
enum On {
    /// An NT machine in a Linux process.
    Lab,
    /// Wine, installed from Debian if need be, in a prefix of its own.
    Wine,
    /// Windows in a virtual machine, of the newest base image that `vm prepare` made.
    Windows,
}

/// Builds, boots, verifies, shuts down. The exit code is the test app's.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<ExitCode> {
    match arguments.on {
        On::Windows => on_windows(workspace, arguments),
        On::Lab => {
            built(workspace, arguments).and_then(|()| on_lab(&workspace.artifacts(), arguments))
        }
        On::Wine => built(workspace, arguments).and_then(|()| on_wine(workspace, arguments)),
    }
}

fn built(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    if !arguments.no_build {
        build::run(workspace, &build::Arguments::default())?;
    }
    Ok(())
}

/// It looks for a base image before it builds anything.
fn on_windows(workspace: &Workspace, arguments: &Arguments) -> Result<ExitCode> {
    ensure!(
        arguments.driver.is_none() && arguments.rest.is_empty(),
        "Windows verifies a package by a plan\n  try: --package FOLDER instead of --driver, and \
         `cargo xtask vm run --plan FILE` instead of arguments of test-app"
    );
    let mut plain = vm::run::Arguments::default();
    plain.json.clone_from(&arguments.json);
    plain.package.clone_from(&arguments.package);
    plain.keep = arguments.keep;
    plain.no_build = arguments.no_build;
    vm::run::run(workspace, &plain)
}

fn on_wine(workspace: &Workspace, arguments: &Arguments) -> Result<ExitCode> {
    let built = workspace.artifacts().join("pagewise.sys");
    let request = wine::Request {
        driver: arguments.driver.as_ref().unwrap_or(&built),
        package: arguments.package.as_deref(),
        json: arguments.json.as_deref(),
        rest: &arguments.rest,
        keep: arguments.keep,
    };
    wine::verify(workspace, &request).map(ExitCode::from)
}

fn on_lab(artifacts: &Path, arguments: &Arguments) -> Result<ExitCode> {
    let folder = tempfile::tempdir().context("cannot make a folder for the machine's socket")?;
    let log = folder.path().join("machine.log");
    let mut launch = Launch { log: Some(log.clone()), ..Launch::from_artifacts(artifacts) };
    if let Some(driver) = &arguments.driver {
        launch.driver = driver.clone();
    }
    eprintln!("Booting the lab with {}", launch.driver.display());
    let verdict = launch.start(folder.path()).map_err(Into::into).and_then(|machine| {
        let verdict = test_app(artifacts, arguments, &launch, &machine)?;
        let ended = machine.shut_down().context("the machine did not shut down")?;
        // The test app found nothing, but the machine did.
        Ok(if verdict == 0 && !ended.success() { 1 } else { verdict })
    });
    if !matches!(verdict, Ok(0)) {
        let said = fs::read_to_string(&log).unwrap_or_default();
        eprintln!("\nWhat the machine said:\n{said}");
    }
    verdict.map(ExitCode::from)
}

/// Runs the test app; its exit code.
fn test_app(
    artifacts: &Path,
    arguments: &Arguments,
    launch: &Launch,
    machine: &Machine,
) -> Result<u8> {
    let program = artifacts.join("test-app");
    let mut verify = Command::new(&program);
    verify.arg("--lab").arg(machine.socket()).arg("verify");
    verify.arg("--driver").arg(&launch.driver).arg("--report").arg(machine.report_path());
    if let Some(json) = &arguments.json {
        verify.arg("--json").arg(json);
    }
    let status = verify
        .args(&arguments.rest)
        .status()
        .with_context(|| format!("cannot start {}", program.display()))?;
    // Ended by a signal, it decided nothing: that is a failure.
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
