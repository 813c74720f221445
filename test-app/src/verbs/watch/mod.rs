//! `watch`: the map, live on a terminal; elsewhere a line a look.

mod plain;
mod screen;
mod view;

use std::io::Write;
use std::time::Duration;

use pagewise_lab_wire::Counters;

use super::open;
use crate::cli::Watch;
use crate::driver::Driver;
use crate::error::Error;
use crate::exit::Exit;
use crate::machine::Machine;
use crate::snapshot::Snapshot;
use crate::terminal;

pub(super) fn watch(
    machine: &dyn Machine,
    options: &Watch,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    let interval = Duration::try_from_secs_f64(options.interval)
        .map_err(|error| Error::Usage(format!("--interval {}: {error}", options.interval)))?;
    if terminal::is_terminal() && !options.json {
        screen::watch(machine, interval, options.count)
    } else {
        plain::watch(machine, interval, options.count, options.json, out)
    }
}

/// One look: the driver's own words, and the machine's counters where it has them.
struct Look {
    snapshot: Snapshot,
    counters: Option<Counters>,
}

impl Look {
    fn take(machine: &dyn Machine, driver: &mut Driver) -> Result<Self, Error> {
        let counters = machine.lab().map(|lab| lab.counters()).transpose()?;
        Ok(Self { snapshot: Snapshot::take(driver)?, counters })
    }
}
