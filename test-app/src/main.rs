//! `test-app`: drives and verifies `pagewise.sys`. All of it is in the library.

use std::process::ExitCode;

use clap::Parser;
use test_app::cli::Arguments;
use test_app::verbs;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match verbs::run(&arguments) {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(help) = error.help() {
                eprintln!("  help: {help}");
            }
            error.exit().into()
        }
    }
}
