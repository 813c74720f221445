//! A machine with a disk, and with what can go wrong on it.

use std::collections::BTreeSet;
use std::time::Duration;

use pagewise_vm_plan::event::Event;
use pagewise_vm_plan::frame::Frame;
use pagewise_vm_plan::guest::{self, Acted, Effects, End, Ended, Found};
use pagewise_vm_plan::journal::{self, Journal};
use pagewise_vm_plan::outcome::{Dump, Outcome};
use pagewise_vm_plan::plan::{Action, Plan, Step};
use pagewise_vm_plan::state::{Progress, State};

/// More boots than any plan may take.
const FOR_EVER: u32 = 60;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The machine goes down before this line of the journal is on the disk.
    ResetBeforeLine,
    /// The same, and a part of the line is.
    TornLine,
    /// The machine goes down when it is on the disk.
    ResetAfterLine,
    /// The machine bug-checks when it is on the disk.
    BugCheckAfterLine,
    /// The guest's program ends when it is on the disk, and starts again.
    ProgramEnds,
    /// The step fails.
    StepFails,
    /// The step takes longer than its limit.
    StepHangs,
    /// The machine goes down in the middle of the step.
    ResetInStep,
    /// The machine bug-checks in the middle of the step.
    BugCheckInStep,
    /// The guest's program ends in the middle of the step.
    ProgramEndsInStep,
    /// The step asks for a restart.
    AsksForRestart,
    /// The system refuses to restart, at this one of the restarts.
    RestartRefused,
    /// The machine bug-checks while it goes down.
    BugCheckAtRestart,
    /// The guest's program starts again before the machine goes down.
    ProgramEndsAtRestart,
}

impl Fault {
    pub const LINE: [Self; 5] = [
        Self::ResetBeforeLine,
        Self::TornLine,
        Self::ResetAfterLine,
        Self::BugCheckAfterLine,
        Self::ProgramEnds,
    ];
    pub const STEP: [Self; 6] = [
        Self::StepFails,
        Self::StepHangs,
        Self::ResetInStep,
        Self::BugCheckInStep,
        Self::ProgramEndsInStep,
        Self::AsksForRestart,
    ];
    pub const RESTART: [Self; 3] =
        [Self::RestartRefused, Self::BugCheckAtRestart, Self::ProgramEndsAtRestart];

    /// Whether it may keep a step that was started from running.
    pub fn takes_down(self) -> bool {
        Self::LINE.contains(&self)
    }

    /// Whether the step it hits cannot have passed.
    pub fn spoils_step(self) -> bool {
        Self::STEP.contains(&self) && self != Self::AsksForRestart
    }
}

/// A fault, and the line, step or restart that it hits; each hits once, those at the last of all
/// lines at every boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mishap {
    pub fault: Fault,
    pub at: usize,
}

/// Engines that are broken on purpose, as if by a wrong disk or a wrong state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twin {
    None,
    /// Runs a step before its start is on the disk.
    ActsBeforeItIsWritten,
    /// Forgets that a step was under way, and starts it again.
    ForgetsWhatWasUnderWay,
    /// Takes a step that was cut short for passed.
    TrustsWhatWasCutShort,
    /// Leaves out clearing up once something has failed.
    LeavesOutClearingUp,
    /// Sees no dumps.
    OverlooksDumps,
}

impl Twin {
    pub const BROKEN: [Self; 5] = [
        Self::ActsBeforeItIsWritten,
        Self::ForgetsWhatWasUnderWay,
        Self::TrustsWhatWasCutShort,
        Self::LeavesOutClearingUp,
        Self::OverlooksDumps,
    ];
}

/// A run, after its end.
pub struct Run {
    pub over: bool,
    /// The steps that acted, in order.
    pub acted: Vec<String>,
    /// Steps whose start is in the journal.
    pub started: BTreeSet<String>,
    pub restarts: usize,
    /// The mishaps that hit.
    pub hit: Vec<Mishap>,
    /// Lines that were to be written.
    pub appends: usize,
    /// What is in the journal at the end.
    pub events: Vec<Event>,
    pub state: State,
}

impl Run {
    pub fn passed(&self, id: &str) -> bool {
        let mut steps = self.state.steps();
        steps.any(|(step, progress)| step.id == id && *progress == Progress::Ended(Outcome::Passed))
    }
}

/// Plays a plan on a machine where all this goes wrong.
pub fn play(plan: &Plan, mishaps: &[Mishap], twin: Twin) -> Run {
    let mut machine = Machine::new(plan, mishaps, twin);
    let over = machine.run();
    let journal = Journal::read(&machine.disk).expect("a whole journal");
    let events: Vec<Event> = journal.events().collect();
    let started = events.iter().filter_map(|event| match event {
        Event::StepStarted { step } => Some(step.clone()),
        _ => None,
    });
    let hit = mishaps.iter().zip(&machine.spent).filter(|(_, spent)| **spent);
    Run {
        over,
        hit: hit.map(|(mishap, _)| *mishap).collect(),
        started: started.collect(),
        state: State::after(plan.clone(), events.iter().cloned()),
        events,
        acted: machine.acted,
        restarts: machine.restarts,
        appends: machine.appends,
    }
}

struct Machine<'a> {
    plan: &'a Plan,
    mishaps: &'a [Mishap],
    twin: Twin,
    spent: Vec<bool>,
    disk: Vec<u8>,
    acted: Vec<String>,
    appends: usize,
    restarts: usize,
    dumps: u32,
    known_dumps: u32,
    fresh: bool,
    boots: u32,
}

/// The end of this boot, or of the guest's program.
struct Down;

impl<'a> Machine<'a> {
    fn new(plan: &'a Plan, mishaps: &'a [Mishap], twin: Twin) -> Self {
        Self {
            plan,
            mishaps,
            twin,
            spent: vec![false; mishaps.len()],
            disk: Vec::new(),
            acted: Vec::new(),
            appends: 0,
            restarts: 0,
            dumps: 0,
            known_dumps: 0,
            fresh: true,
            boots: 0,
        }
    }

    /// Boots until the run is over. Whether it ever is.
    fn run(&mut self) -> bool {
        while self.boots < FOR_EVER {
            self.boots += 1;
            let journal = Journal::read(&self.disk).expect("a whole journal");
            self.disk.truncate(journal.whole);
            let found = self.found(&journal);
            let journal = self.as_the_twin_reads(journal);
            if let Ok(End::Over(_)) = guest::run(self.plan.clone(), &journal, found, self) {
                return true;
            }
        }
        false
    }

    fn found(&mut self, journal: &Journal) -> Found {
        // As a guest that knows the dumps which its journal tells of.
        let told = journal
            .events()
            .filter(|event| matches!(event, Event::Booted(booted) if booted.dump.is_some()));
        self.known_dumps = u32::try_from(told.count()).expect("a few");
        let new = self.dumps > self.known_dumps && self.twin != Twin::OverlooksDumps;
        let file = format!("{}.dmp", self.known_dumps + 1);
        let dump = Dump { file, code: 0xc4, parameters: [1, 2, 3, 4] };
        let fresh = std::mem::replace(&mut self.fresh, false);
        Found { fresh, os: String::new(), clock: String::new(), dump: new.then_some(dump) }
    }

    /// The journal, as a broken engine understands it.
    fn as_the_twin_reads(&self, journal: Journal) -> Journal {
        let change = |event: Event, last: bool| match (&event, self.twin) {
            (Event::StepStarted { .. }, Twin::ForgetsWhatWasUnderWay) if last => Event::said(""),
            (Event::StepStarted { step }, Twin::TrustsWhatWasCutShort) if last => {
                Event::StepEnded {
                    step: step.clone(),
                    outcome: Outcome::Passed,
                    exit_code: None,
                    seconds: 0,
                }
            }
            _ => event,
        };
        let last = journal.last();
        let frames = journal.frames.iter().map(|frame| {
            journal::line(frame.number, &change(journal::event(frame), frame.number == last))
        });
        Journal { frames: frames.collect(), whole: journal.whole }
    }

    /// Whether one of these faults hits here, now.
    fn hit(&mut self, faults: &[Fault], at: usize) -> Option<Fault> {
        let mishaps = self.mishaps.iter().zip(&mut self.spent);
        for (mishap, spent) in mishaps {
            let every_boot = mishap.at == usize::MAX && self.boots < 20;
            let here = mishap.at == at && !*spent;
            if faults.contains(&mishap.fault) && (here || every_boot) {
                *spent = true;
                return Some(mishap.fault);
            }
        }
        None
    }

    fn go_down(&mut self, bug_check: bool) -> Down {
        self.fresh = true;
        self.dumps += u32::from(bug_check);
        Down
    }

    fn acted_on(&mut self, step: &str) {
        self.acted.push(step.to_owned());
    }
}

impl Effects for Machine<'_> {
    type Error = Down;

    fn append(&mut self, frame: &Frame) -> Result<(), Down> {
        self.appends += 1;
        let bytes = frame.bytes();
        let event = journal::event(frame);
        if let Event::StepStarted { step } = &event
            && self.twin == Twin::ActsBeforeItIsWritten
        {
            self.acted_on(&step.clone());
        }
        match self.hit(&Fault::LINE, self.appends) {
            Some(Fault::ResetBeforeLine) => return Err(self.go_down(false)),
            Some(Fault::TornLine) => {
                self.disk.extend(&bytes[..bytes.len() / 2]);
                return Err(self.go_down(false));
            }
            Some(Fault::ProgramEnds) => {
                self.disk.extend(bytes);
                return Err(Down);
            }
            Some(fault) => {
                self.disk.extend(bytes);
                return Err(self.go_down(fault == Fault::BugCheckAfterLine));
            }
            None => self.disk.extend(bytes),
        }
        Ok(())
    }

    fn act(&mut self, step: &Step) -> Result<Acted, Down> {
        let index = self.plan.steps.iter().position(|other| other.id == step.id).expect("a step");
        let failed = self.acted.len() > 3 && self.spent.contains(&true);
        if self.twin == Twin::LeavesOutClearingUp && step.always && failed {
            return Ok(Acted::with(Outcome::Passed));
        }
        if self.twin != Twin::ActsBeforeItIsWritten {
            self.acted_on(&step.id);
        }
        let restart = || Acted {
            events: vec![Event::said("a setting")],
            ended: Ended::AfterRestart("a setting".to_owned()),
            exit_code: Some(2),
        };
        match self.hit(&Fault::STEP, index) {
            Some(Fault::StepFails) => Ok(Acted::with(Outcome::failed("no"))),
            Some(Fault::StepHangs) => Ok(Acted::with(Outcome::failed("its time was up"))),
            Some(Fault::AsksForRestart) => Ok(restart()),
            Some(Fault::ProgramEndsInStep) => Err(Down),
            Some(fault) => Err(self.go_down(fault == Fault::BugCheckInStep)),
            None if asks_for_restart(&step.action) => Ok(restart()),
            None => Ok(Acted {
                events: vec![Event::said("a file")],
                ended: Ended::With(Outcome::Passed),
                exit_code: Some(0),
            }),
        }
    }

    fn restart(&mut self) -> Result<Result<(), Outcome>, Down> {
        self.restarts += 1;
        match self.hit(&Fault::RESTART, self.restarts) {
            Some(Fault::RestartRefused) => return Ok(Err(Outcome::failed("refused"))),
            Some(Fault::ProgramEndsAtRestart) => return Err(Down),
            Some(_) => return Err(self.go_down(true)),
            None => {}
        }
        self.go_down(false);
        Ok(Ok(()))
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

fn asks_for_restart(action: &Action) -> bool {
    matches!(
        action,
        Action::CheckSigning { set: true }
            | Action::MemoryIntegrity { on: true, set: true }
            | Action::DriverVerifier { .. }
            | Action::Reboot
    )
}
