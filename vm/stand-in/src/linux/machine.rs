//! The actions, pretended.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pagewise_vm_plan::event::{Checks, Event};
use pagewise_vm_plan::guest::{Acted, Ended, Found};
use pagewise_vm_plan::journal::Journal;
use pagewise_vm_plan::outcome::Outcome;
use pagewise_vm_plan::plan::{Action, Step};
use pagewise_vm_plan::play::{Machine, note, note_inline};

use super::files;
use super::power::{Power, stand_still};
use super::rough::Wire;
use crate::misbehave::Misbehaviour;

/// How long a step takes.
const PRETENDING: Duration = Duration::from_millis(100);

/// How long a line takes to the host, and longer.
const HEARD: Duration = Duration::from_secs(1);

/// The machine that is none.
pub struct StandIn {
    wrong: Vec<Misbehaviour>,
    wire: Wire,
    power: Power,
    volatile: PathBuf,
    boot: usize,
}

impl StandIn {
    pub fn new(wrong: Vec<Misbehaviour>, wire: Wire, power: Power, volatile: PathBuf) -> Self {
        Self { wrong, wire, power, volatile, boot: 0 }
    }

    /// What goes wrong in this step, does so.
    fn go_wrong(&self, step: &str, out: &Path) {
        for wrong in &self.wrong {
            match wrong {
                Misbehaviour::BugCheck(here) if here == step => {
                    if let Err(error) = files::leave_dump(out, self.boot) {
                        eprintln!("error: cannot pretend a dump: {error}");
                    }
                    self.power.reset_now();
                }
                Misbehaviour::Reset(here) if here == step => self.power.reset_now(),
                Misbehaviour::Hang(here) if here == step => {
                    // The step's start has been sent by then, so that the host can name the step.
                    thread::sleep(HEARD);
                    self.wire.stop();
                    stand_still();
                }
                Misbehaviour::StopAnswering(here) if here == step => self.wire.fall_silent(),
                _ => {}
            }
        }
    }

    fn verify(&self, label: &str, step: &str, out: &Path) -> io::Result<Acted> {
        let failed = self.wrong.contains(&Misbehaviour::CheckFails);
        let name = format!("verify-{label}.json");
        files::write(&out.join(&name), &files::results(failed))?;
        let mut events = note_inline(out, &name, step);
        events.push(Event::Checks(Checks {
            step: step.to_owned(),
            passed: u32::from(!failed),
            failed: u32::from(failed),
            skipped: 0,
            failures: if failed { vec!["stand-in.pretended".to_owned()] } else { Vec::new() },
        }));
        let outcome = if failed { Outcome::failed("1 check failed") } else { Outcome::Passed };
        Ok(Acted { events, ended: Ended::With(outcome), exit_code: Some(failed.into()) })
    }

    fn pretend(&self, step: &Step, out: &Path) -> io::Result<Acted> {
        match &step.action {
            Action::Verify { label } => self.verify(label, &step.id, out),
            Action::CheckSigning { set: true }
            | Action::MemoryIntegrity { on: true, set: true }
            | Action::DriverVerifier { .. }
            | Action::Reboot => Ok(Acted {
                events: Vec::new(),
                ended: Ended::AfterRestart("the stand-in pretends a setting".to_owned()),
                exit_code: None,
            }),
            Action::Doctor | Action::QueryVerifier | Action::Collect => {
                let name = format!("stand-in-{}.txt", step.id);
                let text = format!("The stand-in guest pretends to {}.\n", step.id);
                files::write(&out.join(&name), &text)?;
                let events = vec![note(out, &name, &step.id)];
                Ok(Acted { events, ended: Ended::With(Outcome::Passed), exit_code: None })
            }
            Action::CheckSigning { set: false }
            | Action::MemoryIntegrity { .. }
            | Action::Trust
            | Action::Install
            | Action::ResetVerifier
            | Action::Uninstall => Ok(Acted::with(Outcome::Passed)),
        }
    }
}

impl Machine for StandIn {
    fn found(&mut self, journal: &Journal, out: &Path) -> Found {
        let earlier: Vec<_> = journal
            .events()
            .filter_map(|event| match event {
                Event::Booted(booted) => Some(booted),
                _ => None,
            })
            .collect();
        self.boot = earlier.len() + 1;
        let known = |file: &str| {
            earlier.iter().any(|boot| boot.dump.as_ref().is_some_and(|dump| dump.file == file))
        };
        let dump = files::dumps(out).into_iter().find(|dump| !known(&dump.file));
        let came_up = self.volatile.join("stand-in-came-up");
        let fresh = !came_up.exists();
        if let Err(error) = fs::write(&came_up, "") {
            eprintln!("error: cannot write {}: {error}", came_up.display());
        }
        let system = rustix::system::uname();
        let os = format!(
            "stand-in guest on {} {}; no Windows",
            system.sysname().to_string_lossy(),
            system.release().to_string_lossy()
        );
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Found { fresh, os, clock: format!("{} s since 1970", since.as_secs()), dump }
    }

    fn act(&mut self, step: &Step, out: &Path) -> Acted {
        // Half of it before anything goes wrong, so that signs of life are about.
        thread::sleep(PRETENDING / 2);
        self.go_wrong(&step.id, out);
        thread::sleep(PRETENDING / 2);
        self.pretend(step, out).unwrap_or_else(|error| {
            Acted::with(Outcome::failed(format!("the stand-in cannot write to out: {error}")))
        })
    }

    fn restart(&mut self) -> Result<(), Outcome> {
        // `main` does it, once the loop has ended.
        Ok(())
    }
}
