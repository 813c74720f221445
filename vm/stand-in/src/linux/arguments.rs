//! As a program among others, for tests without a machine.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use super::power::Power;
use super::{Places, play_here};
use crate::misbehave;

/// Plays a test VM's guest without Windows. What it writes is pretended.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The hand-over disk's root
    #[arg(long, value_name = "FOLDER")]
    handover: PathBuf,
    /// The port: a terminal device
    #[arg(long, value_name = "DEVICE")]
    serial: PathBuf,
    /// A folder that is emptied for every restart of what would be the machine
    #[arg(long, value_name = "FOLDER")]
    volatile: PathBuf,
    /// What goes wrong, with commas: check-fails, bug-check:STEP, reset:STEP, hang:STEP,
    /// stop-answering:STEP, flood, garble or garble:PERCENT,
    /// never-starts, boot-loop
    #[arg(long, value_name = "LIST", default_value = "")]
    misbehave: String,
}

pub(super) fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let wrong = match misbehave::parse(&arguments.misbehave) {
        Ok(wrong) => wrong,
        Err(what) => {
            eprintln!("error: {what}");
            return ExitCode::from(2);
        }
    };
    let places = Places {
        handover: &arguments.handover,
        serial: &arguments.serial,
        volatile: &arguments.volatile,
    };
    play_here(&places, wrong, Power::Process)
}
