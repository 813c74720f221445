//! `cargo xtask verify`: the main job. Builds the driver, boots a machine with it, lets the test
//! app drive and verify it, and shuts the machine down.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use pagewise_lab_wire::{Launch, Machine};

/// What the user can say.
#[derive(clap::Args)]
pub struct Arguments {
    /// Write the results here as JSON, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The machine to verify on.
    #[arg(long, value_enum, default_value_t = On::Lab)]
    on: On,
    /// Further arguments of `test-app verify`, such as --only or --seed.
    #[arg(last = true)]
    rest: Vec<OsString>,
}

/// Machines that can be booted from here.
#[derive(Clone, Copy, clap::ValueEnum)]
enum On {
    /// An NT machine in a Linux process.
    Lab,
}

/// Boots, verifies, shuts down. The exit code is the test app's.
pub fn run(artifacts: &Path, arguments: &Arguments) -> Result<ExitCode> {
    match arguments.on {
        On::Lab => on_lab(artifacts, arguments),
    }
}

fn on_lab(artifacts: &Path, arguments: &Arguments) -> Result<ExitCode> {
    let folder = tempfile::tempdir().context("cannot make a folder for the machine's socket")?;
    let log = folder.path().join("machine.log");
    let launch = Launch { log: Some(log.clone()), ..Launch::from_artifacts(artifacts) };
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
