//! The program on Linux.

mod arguments;
mod files;
mod init;
mod machine;
mod port;
mod power;
mod rough;

use std::path::Path;
use std::process::ExitCode;

use pagewise_vm_plan::guest::End;
use pagewise_vm_plan::plan::AtEnd;
use pagewise_vm_plan::play::play;

use crate::misbehave::Misbehaviour;
use machine::StandIn;
use power::{Power, stand_still};
use rough::{Rough, Wire};

pub fn main() -> ExitCode {
    // Only process 1 is the whole machine.
    if std::process::id() == 1 { init::main() } else { arguments::main() }
}

/// Where everything is.
struct Places<'a> {
    /// The hand-over disk.
    handover: &'a Path,
    /// The port.
    serial: &'a Path,
    /// A folder that is empty after a restart.
    volatile: &'a Path,
}

/// Plays, to the end of this boot.
fn play_here(places: &Places<'_>, wrong: Vec<Misbehaviour>, power: Power) -> ExitCode {
    if wrong.contains(&Misbehaviour::NeverStarts) {
        stand_still();
    }
    if wrong.contains(&Misbehaviour::BootLoop) {
        return power.reset();
    }
    let port = match port::open(places.serial) {
        Ok(port) => port,
        Err(error) => {
            eprintln!("error: cannot open {}: {error}", places.serial.display());
            return power.off(12);
        }
    };
    let wire = Wire::new(&wrong);
    let rough = Rough::new(port, wire.clone());
    let mut machine = StandIn::new(wrong, wire, power, places.volatile.to_owned());
    match play(places.handover, Box::new(rough), &mut machine) {
        Ok(End::Restarting) => power.restart(),
        Ok(End::Over(AtEnd::ShutDown)) => power.off(0),
        Ok(End::Over(AtEnd::Stay)) => power.stay(),
        Err(refused) => {
            eprintln!("error: {refused}");
            power.off(12)
        }
    }
}
