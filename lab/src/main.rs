//! `pagewise-lab`: boots an NT machine in this process and serves its devices.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// An NT machine in a Linux process: runs unmodified driver images and pages them for real.
#[derive(Parser)]
#[command(name = "pagewise-lab", version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Boot a machine, load and start the driver, serve clients until told to shut down.
    Run(commands::run::Arguments),
    /// Say which imports of an image the machine provides and which it lacks, without running it.
    Imports(commands::imports::Arguments),
}

const EXIT_CODES: &str = "\
Exit codes:
   0  the machine was shut down; all imports are provided
   1  the machine could not boot; an image cannot be read
   2  the command line makes no sense
   3  an import is missing
  70  the machine bug-checked; the report says why";

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(arguments) => commands::run::run(&arguments),
        Command::Imports(arguments) => commands::imports::run(&arguments),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
