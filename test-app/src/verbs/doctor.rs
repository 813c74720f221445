//! `doctor`.

use std::io::Write;

use super::print_json;
use crate::doctor::{self, Diagnosis};
use crate::error::Error;
use crate::exit::Exit;

pub(super) fn doctor(json: bool, colour: bool, out: &mut dyn Write) -> Result<Exit, Error> {
    let readings = doctor::read()?;
    let machine = readings.machine;
    let diagnosis = Diagnosis { schema: 1, machine, findings: doctor::judge(&readings) };
    if json {
        print_json(out, &diagnosis)?;
    } else {
        doctor::print(&diagnosis, colour, out)?;
    }
    Ok(if diagnosis.has_failures() { Exit::CheckFailed } else { Exit::Ok })
}
