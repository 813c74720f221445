//! The guest's loop: the same for Windows and for the stand-in.

use std::time::Duration;

use crate::event::{Booted, Event};
use crate::frame::Frame;
use crate::journal::{self, Journal};
use crate::outcome::{Dump, Outcome};
use crate::plan::{AtEnd, Plan, Step};
use crate::state::{Do, State};

/// What the loop needs of the machine it runs on.
pub trait Effects {
    /// What makes it impossible to go on.
    type Error;

    /// Adds a line to the journal. When it returns, the line is on the disk; it may then go to the
    /// host.
    ///
    /// # Errors
    /// Where it cannot be written: nothing may be done of which nobody would know later.
    fn append(&mut self, frame: &Frame) -> Result<(), Self::Error>;

    /// Does what a step is there for, in no more than its time limit. What fails there is an
    /// outcome and not an error.
    ///
    /// # Errors
    /// Where the guest itself cannot go on.
    fn act(&mut self, step: &Step) -> Result<Acted, Self::Error>;

    /// Restarts the machine: returns once that is under way, or what keeps it from being so.
    ///
    /// # Errors
    /// Where the guest itself cannot go on.
    fn restart(&mut self) -> Result<Result<(), Outcome>, Self::Error>;

    /// Time since some moment in the past.
    fn now(&self) -> Duration;
}

/// What a step did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acted {
    /// What there is to tell: checks, files, remarks.
    pub events: Vec<Event>,
    /// How it ended.
    pub ended: Ended,
    /// Exit code of the program it ran, if it ran one.
    pub exit_code: Option<i64>,
}

/// How a step's action ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// For good.
    With(Outcome),
    /// It passes if the machine restarts, for this reason.
    AfterRestart(String),
}

impl Acted {
    /// It ended like this, and there is no more to tell.
    #[must_use]
    pub fn with(outcome: Outcome) -> Self {
        Self { events: Vec::new(), ended: Ended::With(outcome), exit_code: None }
    }
}

/// What the guest found when its program started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// See [`Booted::fresh`].
    pub fresh: bool,
    /// See [`Booted::os`].
    pub os: String,
    /// See [`Booted::clock`].
    pub clock: String,
    /// See [`Booted::dump`].
    pub dump: Option<Dump>,
}

/// How the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The machine restarts, and the loop goes on after that.
    Restarting,
    /// The run is over. The caller sees to what becomes of the machine, once the host has all lines.
    Over(AtEnd),
}

/// Goes on with a run, from wherever its journal says it is.
///
/// # Errors
/// As the effects.
pub fn run<E: Effects>(
    plan: Plan,
    journal: &Journal,
    found: Found,
    effects: &mut E,
) -> Result<End, E::Error> {
    let state = State::after(plan, journal.events());
    let mut guest = Guest { state, last: journal.last(), effects };
    guest.booted(found)?;
    loop {
        if let Some(end) = guest.turn()? {
            return Ok(end);
        }
    }
}

struct Guest<'a, E> {
    state: State,
    last: u64,
    effects: &'a mut E,
}

impl<E: Effects> Guest<'_, E> {
    fn booted(&mut self, found: Found) -> Result<(), E::Error> {
        let Found { fresh, os, clock, dump } = found;
        let boot = self.state.boot().saturating_add(1);
        self.record(Event::Booted(Booted { boot, fresh, os, clock, dump }))
    }

    fn turn(&mut self) -> Result<Option<End>, E::Error> {
        match self.state.next() {
            Do::Run(step) => self.run_step(&step)?,
            Do::End(step, outcome) => self.end(step, outcome, None, 0)?,
            Do::Restart(step) => match self.effects.restart()? {
                Ok(()) => return Ok(Some(End::Restarting)),
                Err(outcome) => self.end(step, outcome, None, 0)?,
            },
            Do::Finish(tally) => self.record(Event::Finished { tally })?,
            Do::Rest(at_end) => return Ok(Some(End::Over(at_end))),
            // A step that nobody runs, and no boot since: this loop leaves none like that.
            Do::Wait => return Ok(Some(End::Over(AtEnd::Stay))),
        }
        Ok(None)
    }

    fn run_step(&mut self, step: &Step) -> Result<(), E::Error> {
        let id = step.id.clone();
        self.record(Event::StepStarted { step: id.clone() })?;
        let start = self.effects.now();
        let acted = self.effects.act(step)?;
        let seconds = self.effects.now().saturating_sub(start).as_secs();
        for event in acted.events {
            self.record(event)?;
        }
        match acted.ended {
            Ended::With(outcome) => self.end(id, outcome, acted.exit_code, seconds),
            Ended::AfterRestart(why) if self.state.may_restart() => {
                self.record(Event::RestartAsked { step: id, why })
            }
            Ended::AfterRestart(why) => {
                let most = self.state.plan().most_boots;
                let what = format!("it needs a restart ({why}), and the plan allows {most} boots");
                self.end(id, Outcome::failed(what), acted.exit_code, seconds)
            }
        }
    }

    fn end(
        &mut self,
        step: String,
        outcome: Outcome,
        exit_code: Option<i64>,
        seconds: u64,
    ) -> Result<(), E::Error> {
        self.record(Event::StepEnded { step, outcome, exit_code, seconds })
    }

    /// First to the disk, then to the state: nothing acts on what is not written down.
    fn record(&mut self, event: Event) -> Result<(), E::Error> {
        let event = event.clipped();
        self.effects.append(&journal::line(self.last + 1, &event))?;
        self.last += 1;
        self.state.apply(&event);
        Ok(())
    }
}
