//! What a run has come to: the fold over the events of its journal, for guest and host alike.

use crate::event::{Booted, Event};
use crate::outcome::{Dump, Outcome, Tally};
use crate::plan::{AtEnd, Plan, Step};

/// How far a step is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It has not started.
    Waiting,
    /// It runs.
    Underway,
    /// It is through but for a restart.
    Restarting,
    /// The machine or the guest's program ended in the middle of it. That is not yet in the journal.
    BrokenOff(Outcome),
    /// It has ended, and never starts again.
    Ended(Outcome),
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Do {
    /// Start this step.
    Run(Step),
    /// Write down how this step ended, which does not run any more.
    End(String, Outcome),
    /// Restart the machine for this step.
    Restart(String),
    /// Write down that all have ended.
    Finish(Tally),
    /// The run is over.
    Rest(AtEnd),
    /// Nothing: a step is under way, or the guest has not come up.
    Wait,
}

/// The state of a run.
#[derive(Clone, Debug)]
pub struct State {
    plan: Plan,
    progress: Vec<Progress>,
    boot: u32,
    bug_checks: Vec<Dump>,
    finished: Option<Tally>,
}

impl State {
    /// Before anything happened.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        let progress = vec![Progress::Waiting; plan.steps.len()];
        Self { plan, progress, boot: 0, bug_checks: Vec::new(), finished: None }
    }

    /// After these events.
    #[must_use]
    pub fn after(plan: Plan, events: impl IntoIterator<Item = Event>) -> Self {
        let mut state = Self::new(plan);
        events.into_iter().for_each(|event| state.apply(&event));
        state
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How often the guest's program has started.
    #[must_use]
    pub fn boot(&self) -> u32 {
        self.boot
    }

    /// The steps and how far they are.
    pub fn steps(&self) -> impl Iterator<Item = (&Step, &Progress)> {
        self.plan.steps.iter().zip(&self.progress)
    }

    /// The step that runs or restarts the machine.
    #[must_use]
    pub fn current(&self) -> Option<&Step> {
        let under_way =
            |progress: &Progress| matches!(progress, Progress::Underway | Progress::Restarting);
        self.steps().find(|(_, progress)| under_way(progress)).map(|(step, _)| step)
    }

    /// All bug checks, in steps and between them.
    #[must_use]
    pub fn bug_checks(&self) -> &[Dump] {
        &self.bug_checks
    }

    /// What it came to, once it is finished.
    #[must_use]
    pub fn finished(&self) -> Option<Tally> {
        self.finished
    }

    /// Takes note of an event. What does not fit, such as a step that the plan has not, changes
    /// nothing.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Booted(booted) => self.booted(booted),
            Event::StepStarted { step } => self.step(step, &Progress::Underway),
            Event::RestartAsked { step, .. } => self.step(step, &Progress::Restarting),
            Event::StepEnded { step, outcome, .. } => {
                self.step(step, &Progress::Ended(outcome.clone()));
            }
            Event::Finished { tally } => self.finished = Some(*tally),
            Event::Checks(_)
            | Event::File { .. }
            | Event::InlineFile { .. }
            | Event::Said { .. }
            | Event::Unknown => {}
        }
    }

    fn step(&mut self, id: &str, to: &Progress) {
        let found = self.plan.steps.iter().position(|step| step.id == id);
        let Some(progress) = found.and_then(|index| self.progress.get_mut(index)) else { return };
        let follows = match (&*progress, to) {
            (Progress::Waiting, Progress::Underway | Progress::Ended(_)) => true,
            (Progress::Underway, Progress::Restarting) => true,
            (Progress::Ended(_), _) => false,
            (_, Progress::Ended(_)) => true,
            _ => false,
        };
        if follows {
            *progress = to.clone();
        }
    }

    fn booted(&mut self, booted: &Booted) {
        self.boot = booted.boot;
        if let Some(dump) = &booted.dump {
            self.bug_checks.push(dump.clone());
            // Also one at the very end, when all was written down: it is to be told anew.
            self.finished = None;
        }
        for progress in &mut self.progress {
            if let Some(outcome) = broken_off(progress, booted) {
                *progress = Progress::BrokenOff(outcome);
            }
        }
    }

    /// What the guest has to do now.
    #[must_use]
    pub fn next(&self) -> Do {
        if self.boot == 0 {
            return Do::Wait;
        }
        if self.finished.is_some() {
            return Do::Rest(self.plan.at_end);
        }
        if let Some(now) = self.steps().find_map(|(step, progress)| unfinished(step, progress)) {
            return now;
        }
        match self.steps().find(|(_, progress)| **progress == Progress::Waiting) {
            None => Do::Finish(self.tally()),
            Some((step, _)) => match self.obstacle(step) {
                Some(reason) => Do::End(step.id.clone(), Outcome::Skipped { reason }),
                None => Do::Run(step.clone()),
            },
        }
    }

    /// Whether a step may still restart the machine.
    #[must_use]
    pub fn may_restart(&self) -> bool {
        self.boot < self.plan.most_boots
    }

    /// The boot from which on nothing runs any more: every `always` step may have taken the machine
    /// down once, and then it goes down by itself.
    #[must_use]
    pub fn hopeless_from(&self) -> u32 {
        let always = self.plan.steps.iter().filter(|step| step.always).count();
        self.plan.most_boots + u32::try_from(always).unwrap_or(u32::MAX / 2) + 1
    }

    /// How many steps ended how.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for progress in &self.progress {
            match progress {
                Progress::Ended(Outcome::Passed) => tally.passed += 1,
                Progress::Ended(Outcome::Failed { .. }) => tally.failed += 1,
                Progress::Ended(Outcome::Skipped { .. }) => tally.skipped += 1,
                _ => {}
            }
        }
        tally.bug_checks = u32::try_from(self.bug_checks.len()).unwrap_or(u32::MAX);
        tally
    }

    /// Why a step cannot start.
    fn obstacle(&self, step: &Step) -> Option<String> {
        let (boot, most) = (self.boot, self.plan.most_boots);
        if self.boot >= self.hopeless_from() {
            return Some(format!("the machine has come up {boot} times: nothing runs any more"));
        }
        if step.always {
            return None;
        }
        if boot > most {
            return Some(format!(
                "the machine has come up {boot} times, and the plan allows {most}"
            ));
        }
        step.needs.iter().find_map(|need| {
            let (_, progress) = self.steps().find(|(other, _)| other.id == *need)?;
            match progress {
                Progress::Ended(Outcome::Passed) => None,
                Progress::Ended(outcome) => {
                    Some(format!("it needs {need}, which {}", told(outcome)))
                }
                _ => Some(format!("it needs {need}, which has not ended")),
            }
        })
    }
}

fn told(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed { .. } => "failed",
        Outcome::Skipped { .. } => "was skipped",
    }
}

/// What a step that has begun asks for.
fn unfinished(step: &Step, progress: &Progress) -> Option<Do> {
    match progress {
        Progress::BrokenOff(outcome) => Some(Do::End(step.id.clone(), outcome.clone())),
        Progress::Restarting => Some(Do::Restart(step.id.clone())),
        Progress::Underway => Some(Do::Wait),
        Progress::Waiting | Progress::Ended(_) => None,
    }
}

/// How a step ended that had begun before the guest's program started again.
fn broken_off(progress: &Progress, booted: &Booted) -> Option<Outcome> {
    let restarting = match progress {
        Progress::Underway => false,
        Progress::Restarting => true,
        // What broke it off is already known, or it concerns this step no more.
        Progress::Waiting | Progress::BrokenOff(_) | Progress::Ended(_) => return None,
    };
    Some(match &booted.dump {
        Some(dump) => Outcome::bug_check(dump),
        None if restarting && booted.fresh => Outcome::Passed,
        None if restarting => {
            Outcome::failed("the guest's program started again before the machine restarted")
        }
        None if booted.fresh => Outcome::Failed {
            what: "the machine went down in the middle, without a new dump".to_owned(),
            code: None,
            help: Some(
                "a power cut, a hang that was ended, or a bug check whose dump was not written"
                    .to_owned(),
            ),
        },
        None => Outcome::failed("the guest's program ended in the middle"),
    })
}
