//! `cargo xtask bench`: the hot paths against baselines of the same run.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

/// What the user can say.
#[derive(clap::Args)]
pub struct Arguments {
    /// Write the figures here as JSON, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Rounds of each measurement; medians are reported.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
}

/// Measures with the artifacts as they are.
pub fn run(artifacts: &Path, arguments: &Arguments) -> Result<ExitCode> {
    let program = artifacts.join("pagewise-bench");
    let mut bench = Command::new(&program);
    bench.arg("--artifacts").arg(artifacts).arg("--rounds").arg(arguments.rounds.to_string());
    if let Some(json) = &arguments.json {
        bench.arg("--json").arg(json);
    }
    let status = bench.status().with_context(|| format!("cannot start {}", program.display()))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
