//! A guest that runs Windows.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pagewise_vm_plan::event::Event;
use pagewise_vm_plan::guest::{Acted, Found};
use pagewise_vm_plan::journal::Journal;
use pagewise_vm_plan::outcome::{Dump, Outcome};
use pagewise_vm_plan::plan::Step;
use pagewise_vm_plan::play::Machine;

use super::system::System;
use super::{actions, dumps};

/// How long a dump may take to appear: the system writes it while it comes up, at its leisure.
const PATIENCE: Duration = Duration::from_secs(90);
const TICK: Duration = Duration::from_secs(2);

/// The guest, over a system.
pub struct Guest<S> {
    system: S,
    handover: PathBuf,
}

impl<S: System> Guest<S> {
    /// For a hand-over disk.
    pub fn new(system: S, handover: PathBuf) -> Self {
        Self { system, handover }
    }

    fn new_dump(&self, journal: &Journal, out: &Path, expected: bool) -> Option<Dump> {
        let mut waited = Duration::ZERO;
        loop {
            let files = self.system.dump_files();
            let before = dumps::before(&files, journal, out);
            let found = dumps::new(&files, &before, journal);
            if found.is_some() || !expected || waited >= PATIENCE {
                return found;
            }
            self.system.pause(TICK);
            waited += TICK;
        }
    }
}

impl<S: System> Machine for Guest<S> {
    fn found(&mut self, journal: &Journal, out: &Path) -> Found {
        let fresh = self.system.is_first_start();
        let dump = self.new_dump(journal, out, fresh && was_cut_short(journal));
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let clock = format!("{} s since 1970", since.as_secs());
        Found { fresh, os: self.system.name(), clock, dump }
    }

    fn act(&mut self, step: &Step, out: &Path) -> Acted {
        actions::act(&mut self.system, &self.handover, out, step)
    }

    fn restart(&mut self) -> Result<(), Outcome> {
        self.system.restart().map_err(|error| Outcome::Failed {
            what: error.to_string(),
            code: None,
            help: error.help().map(str::to_owned),
        })
    }
}

/// Whether a step was under way when the journal ends: the machine went down unasked.
fn was_cut_short(journal: &Journal) -> bool {
    let last = journal.events().filter(|event| {
        matches!(
            event,
            Event::StepStarted { .. } | Event::StepEnded { .. } | Event::RestartAsked { .. }
        )
    });
    matches!(last.last(), Some(Event::StepStarted { .. }))
}

#[cfg(test)]
mod tests;
