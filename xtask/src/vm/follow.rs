//! From a machine's start to the verdict: everything that comes is written down, answered, watched
//! and shown.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use pagewise_vm_plan::event::Event;
use pagewise_vm_plan::inline::Joiner;
use pagewise_vm_plan::journal;
use pagewise_vm_plan::manifest::is_inside;
use pagewise_vm_plan::plan::Plan;
use pagewise_vm_plan::receiver::{Received, Receiver, Traffic};

use super::interrupt;
use super::session::{Message, Session};
use super::view::View;
use super::watch::{Limits, Verdict, Watch};
use crate::fs;

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(100);
/// Bytes of the longest journal: a guest is not to fill this host's disk.
const LONGEST: u64 = 64 << 20;

/// Folder of the files that came over the line, and not with the disk.
pub const BY_LINE: &str = "line";

/// What came of a run.
pub struct Followed {
    /// What it came to.
    pub verdict: Verdict,
    /// How it came to it.
    pub watch: Watch,
    /// The journal.
    pub events: Vec<Event>,
    /// What else was on the line.
    pub traffic: Traffic,
}

impl Followed {
    /// The system, as the guest named it.
    pub fn os(&self) -> Option<String> {
        self.events.iter().find_map(|event| match event {
            Event::Booted(booted) => Some(booted.os.clone()),
            _ => None,
        })
    }
}

/// Who looks on, each time the clock is looked at.
pub trait Beside {
    /// Looks, and may do something; words to show in place of the plan's.
    fn tick(&mut self, session: &mut Session, watch: &Watch, now: Duration) -> Option<String>;
}

/// Nobody.
impl Beside for () {
    fn tick(&mut self, _: &mut Session, _: &Watch, _: Duration) -> Option<String> {
        None
    }
}

/// Follows a machine to the verdict; it still runs then, if it did. The journal, and files that
/// come over the line, are written to a folder.
pub fn follow(
    session: &mut Session,
    plan: &Plan,
    plan_sha256: &str,
    limits: Limits,
    folder: &Path,
    beside: &mut dyn Beside,
) -> Result<Followed> {
    let path = folder.join(journal::FILE);
    let journal = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    let watch = Watch::new(plan.clone(), plan_sha256.to_owned(), limits, Duration::ZERO);
    let mut follower = Follower {
        watch,
        receiver: Receiver::new(0),
        journal,
        written: 0,
        joiner: Joiner::default(),
        folder,
        events: Vec::new(),
        view: View::start(&plan.name),
        step_since: Duration::ZERO,
    };
    let began = Instant::now();
    let verdict = loop {
        if let Some(message) = session.next(TICK) {
            follower.take(session, &message, began.elapsed())?;
        }
        let now = began.elapsed();
        if session.over()?.is_some() {
            follower.watch.ended();
        }
        if let Some(verdict) = follower.watch.verdict(now) {
            break verdict;
        }
        if interrupt::asked() {
            break Verdict::Interrupted;
        }
        match beside.tick(session, &follower.watch, now) {
            Some(words) => follower.view.say(&words),
            None => follower.view.tick(&follower.watch, follower.step_since, now),
        }
    };
    let traffic = follower.receiver.traffic();
    follower.view.done();
    Ok(Followed { verdict, watch: follower.watch, events: follower.events, traffic })
}

struct Follower<'a> {
    watch: Watch,
    receiver: Receiver,
    journal: File,
    written: u64,
    joiner: Joiner,
    folder: &'a Path,
    events: Vec<Event>,
    view: View,
    step_since: Duration,
}

impl Follower<'_> {
    fn take(&mut self, session: &mut Session, message: &Message, now: Duration) -> Result<()> {
        match message {
            Message::Bytes(bytes) => {
                for received in self.receiver.feed(bytes) {
                    self.received(received, now)?;
                }
                if let Some(answer) = self.receiver.answer() {
                    self.journal.sync_data().context("cannot keep the journal")?;
                    session.write(&answer);
                }
            }
            Message::Machine(event) => {
                if self.watch.machine(*event, now) {
                    self.view.machine(*event, &self.watch);
                }
            }
            Message::LineClosed => {}
        }
        Ok(())
    }

    fn received(&mut self, received: Received, now: Duration) -> Result<()> {
        self.view.received(&received);
        self.watch.received(&received, now);
        let Received::Line(frame, event) = received else { return Ok(()) };
        let bytes = frame.bytes();
        self.written += bytes.len() as u64;
        anyhow::ensure!(
            self.written <= LONGEST,
            "the guest's journal is longer than {LONGEST} bytes: something floods it"
        );
        self.journal.write_all(&bytes).context("cannot write the journal")?;
        if matches!(event, Event::StepStarted { .. }) {
            self.step_since = now;
        }
        if let Some((name, bytes)) = self.joiner.take(&event)
            && is_inside(&name)
        {
            fs::write_if_changed(&self.folder.join(BY_LINE).join(&name), &bytes)?;
        }
        if !matches!(event, Event::InlineFile { .. }) {
            self.events.push(event);
        }
        Ok(())
    }
}
