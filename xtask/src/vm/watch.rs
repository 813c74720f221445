//! What becomes of a run, from what the line, QEMU and the clock tell. Nothing here waits, reads or
//! writes: times go in as numbers.

mod limits;
#[cfg(test)]
mod tests;
mod verdict;

use std::time::Duration;

use pagewise_vm_plan::event::{Booted, Event};
use pagewise_vm_plan::outcome::Dump;
use pagewise_vm_plan::plan::{AtEnd, Plan};
use pagewise_vm_plan::receiver::Received;
use pagewise_vm_plan::state::{Progress, State};

use super::monitor;

pub use limits::{EMULATED, Limits};
pub use verdict::{Hang, Verdict};

/// A kernel that restarts its machine tries one way after another: QEMU may tell of each.
const SAME_RESET: Duration = Duration::from_millis(700);

/// What the guest is doing, as far as it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing was heard of it since the machine started, or started again.
    Coming,
    /// It was heard of.
    There,
    /// It said that the machine will restart, or go off.
    Leaving,
}

/// The machine went down where it should not have.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Crash {
    /// The step under way, if one was.
    pub step: Option<String>,
    /// The dump that the guest found after it.
    pub dump: Option<Dump>,
}

/// A run, watched.
#[derive(Debug)]
pub struct Watch {
    state: State,
    plan_sha256: String,
    limits: Limits,
    phase: Phase,
    /// When the phase began.
    since: Duration,
    /// When the guest was last heard of.
    heard: Duration,
    /// When its journal last went on.
    went_on: Duration,
    /// The guest was heard of at least once.
    met: bool,
    last_reset: Option<Duration>,
    /// Restarts since the guest was last heard of, and in all.
    unheard_resets: u32,
    resets: u32,
    /// The machine was reset while this step was under way; the guest has not yet told of it.
    fell_in: Option<String>,
    crashes: Vec<Crash>,
    refused: Option<String>,
    finished_at: Option<Duration>,
    off: bool,
    gone: bool,
}

impl Watch {
    /// A machine that was just started with this plan.
    pub fn new(plan: Plan, plan_sha256: String, limits: Limits, now: Duration) -> Self {
        Self {
            state: State::new(plan),
            plan_sha256,
            limits,
            phase: Phase::Coming,
            since: now,
            heard: now,
            went_on: now,
            met: false,
            last_reset: None,
            unheard_resets: 0,
            resets: 0,
            fell_in: None,
            crashes: Vec::new(),
            refused: None,
            finished_at: None,
            off: false,
            gone: false,
        }
    }

    /// How far the plan is.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Whether the guest was ever heard of.
    pub const fn met(&self) -> bool {
        self.met
    }

    /// How often the machine started again.
    pub const fn resets(&self) -> u32 {
        self.resets
    }

    /// For how long nothing was heard of a guest that should be there.
    pub fn silent_for(&self, now: Duration) -> Duration {
        match self.phase {
            Phase::There => now.saturating_sub(self.heard),
            Phase::Coming | Phase::Leaving => Duration::ZERO,
        }
    }

    /// Takes what came over the line.
    pub fn received(&mut self, received: &Received, now: Duration) {
        match received {
            Received::Refused(what) => self.refuse(what.clone()),
            Received::Rewound { hello, have } => self.refuse(format!(
                "the guest's journal ends at line {}, and line {have} came before: it lost its disk",
                hello.last
            )),
            Received::Hello(hello) if hello.plan_sha256 != self.plan_sha256 => {
                self.refuse("the guest has another plan".to_owned());
            }
            Received::Hello(_) => self.come(now),
            Received::Alive(_) => self.heard = now,
            Received::Line(_, event) => self.line(event, now),
        }
    }

    /// Takes what QEMU told; says whether that was news.
    pub fn machine(&mut self, event: monitor::Event, now: Duration) -> bool {
        match event {
            monitor::Event::Reset { guest: true } => {
                let last = self.last_reset.replace(now);
                if last.is_some_and(|last| now.saturating_sub(last) < SAME_RESET) {
                    return false;
                }
                self.resets += 1;
                self.unheard_resets += 1;
                if self.phase != Phase::Leaving
                    && let Some((step, Progress::Underway)) = self.under_way()
                {
                    self.fell_in = Some(step);
                }
                self.enter(Phase::Coming, now);
            }
            monitor::Event::Panicked => {
                self.fell_in = self.under_way().map(|(step, _)| step).or(self.fell_in.take());
            }
            monitor::Event::Shutdown { guest } => self.off = guest,
            monitor::Event::Reset { guest: false } => return false,
        }
        true
    }

    /// QEMU has ended, and nothing more comes over the line.
    pub const fn ended(&mut self) {
        self.gone = true;
    }

    /// What it came to, if it did by now.
    pub fn verdict(&self, now: Duration) -> Option<Verdict> {
        if let Some(what) = &self.refused {
            return Some(Verdict::Refused { what: what.clone() });
        }
        if let Some(at) = self.finished_at {
            return self.finished(now, at);
        }
        if self.gone {
            return Some(self.lost_or_fallen(match (self.off, self.met) {
                (false, _) => Verdict::Ended,
                (true, true) => Verdict::Lost { what: self.lost("the machine was switched off") },
                (true, false) => Verdict::NeverCame { off: true },
            }));
        }
        if self.loops() {
            return Some(Verdict::BootLoop { resets: self.resets });
        }
        match self.phase {
            Phase::Coming => self.late(now, self.limits.boot).then(|| self.not_there()),
            Phase::Leaving => self.late(now, self.limits.leave).then(|| self.hang(Hang::Restart)),
            Phase::There => self.stuck(now),
        }
    }

    fn line(&mut self, event: &Event, now: Duration) {
        self.went_on = now;
        if let Event::Booted(booted) = event {
            self.booted(booted);
        }
        self.state.apply(event);
        self.heard = now;
        match event {
            Event::RestartAsked { .. } if self.phase == Phase::There => {
                self.enter(Phase::Leaving, now);
            }
            // The restart failed.
            Event::StepEnded { .. } if self.phase == Phase::Leaving => self.come(now),
            Event::Finished { .. } => self.finished_at = Some(now),
            _ => {}
        }
    }

    /// The lines before this one are all there, so that it shows what was under way.
    fn booted(&mut self, booted: &Booted) {
        let under_way = self.under_way();
        let fell = self.fell_in.take();
        let broken = match under_way {
            Some((step, Progress::Underway)) if booted.fresh => Some(step),
            Some((step, _)) if booted.dump.is_some() => Some(step),
            // It went down in a step, as it seemed; but the journal says that the step had ended.
            _ => fell.filter(|_| booted.dump.is_some()),
        };
        if broken.is_some() || booted.dump.is_some() {
            self.crashes.push(Crash { step: broken, dump: booted.dump.clone() });
        }
    }

    fn under_way(&self) -> Option<(String, Progress)> {
        let step = self.state.current()?;
        let (_, progress) = self.state.steps().find(|(other, _)| other.id == step.id)?;
        Some((step.id.clone(), progress.clone()))
    }

    fn refuse(&mut self, what: String) {
        self.refused.get_or_insert(what);
    }

    /// Only a greeting shows that it is there: other words may have been on their way when the
    /// machine was reset.
    const fn come(&mut self, now: Duration) {
        self.met = true;
        self.unheard_resets = 0;
        self.heard = now;
        self.went_on = now;
        self.enter(Phase::There, now);
    }

    const fn enter(&mut self, phase: Phase, now: Duration) {
        self.phase = phase;
        self.since = now;
    }

    fn late(&self, now: Duration, limit: Duration) -> bool {
        now.saturating_sub(self.since) > limit
    }

    /// Restarts without a word in between, or more of them than any plan allows.
    fn loops(&self) -> bool {
        let most = self.limits.most_resets;
        self.unheard_resets > most || self.resets > self.state.hopeless_from().saturating_add(most)
    }

    fn finished(&self, now: Duration, at: Duration) -> Option<Verdict> {
        let stays = self.state.plan().at_end == AtEnd::Stay;
        if !stays && !self.gone && now.saturating_sub(at) <= self.limits.leave {
            return None;
        }
        let tally = self.state.tally();
        Some(if !self.crashes.is_empty() {
            Verdict::BugCheck { back: true }
        } else if tally.is_good() {
            Verdict::Passed
        } else {
            Verdict::Failed { tally }
        })
    }

    /// The guest is there and does nothing.
    fn stuck(&self, now: Duration) -> Option<Verdict> {
        if now.saturating_sub(self.heard) > self.limits.silence {
            return Some(self.hang(Hang::Silent));
        }
        let (limit, hang) = match self.state.current() {
            Some(step) => (Duration::from_secs(step.limit_seconds) + self.limits.grace, Hang::Step),
            None => (self.limits.idle, Hang::Idle),
        };
        (now.saturating_sub(self.went_on) > limit).then(|| self.hang(hang))
    }

    fn hang(&self, how: Hang) -> Verdict {
        Verdict::Hang { step: self.state.current().map(|step| step.id.clone()), how }
    }

    /// It did not come in time.
    fn not_there(&self) -> Verdict {
        self.lost_or_fallen(match self.met {
            false => Verdict::NeverCame { off: false },
            true => Verdict::Lost { what: self.lost("the machine started again") },
        })
    }

    /// Of a guest that does not come back after it went down in a step, that is the more to say.
    fn lost_or_fallen(&self, verdict: Verdict) -> Verdict {
        let fell = self.fell_in.is_some() || !self.crashes.is_empty();
        if fell && self.met { Verdict::BugCheck { back: false } } else { verdict }
    }

    fn lost(&self, what: &str) -> String {
        match self.state.current() {
            Some(step) => {
                format!("{what} in the step {}, and the guest did not come back", step.id)
            }
            None => format!("{what}, and the guest did not come back"),
        }
    }

    /// The crashes, and the one that the guest has not told of.
    pub fn all_crashes(&self) -> Vec<Crash> {
        let untold = self.fell_in.iter().map(|step| Crash { step: Some(step.clone()), dump: None });
        self.crashes.iter().cloned().chain(untold).collect()
    }
}
