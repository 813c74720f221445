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
    /// Run a driver with a client and say what of it was touched at which IRQL: what could be
    /// pageable, and what that saves.
    Report(commands::report::Arguments),
    /// Send one control code to a device of a machine that runs, and print the answer.
    Ioctl(commands::ioctl::Arguments),
    /// Attach gdb to a machine that runs, with the functions, lines and frames of its drivers.
    Debug(commands::debug::Arguments),
    /// Write the symbols of an image as an ELF file, for debuggers that read no PDB.
    Symbols(commands::symbols::Arguments),
}

const EXIT_CODES: &str = "\
Exit codes:
   0  the machine was shut down; all imports are provided
   1  the machine could not boot; an image cannot be read
   2  the command line makes no sense
   3  an import is missing
   4  the client that the machine was booted for failed
   5  a device could not be opened, or refused a request
  70  the machine bug-checked; the report says why";

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(arguments) => commands::run::run(&arguments),
        Command::Imports(arguments) => commands::imports::run(&arguments),
        Command::Report(arguments) => commands::report::run(&arguments),
        Command::Ioctl(arguments) => commands::ioctl::run(&arguments),
        Command::Debug(arguments) => commands::debug::run(&arguments),
        Command::Symbols(arguments) => commands::symbols::run(&arguments),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Arguments;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
