//! The soak: many clients ask at once, for a long time, while every page that can go goes all the
//! time.
//!
//! Nobody knows in which order requests of several clients are served, so no answer can be foretold
//! from the state. What must hold however they interleave: which statuses a request can end with;
//! that every checksum is that of one whole fill; and, when all is over, that the driver has counted
//! each accepted request exactly once, that no lock and no pool is left, and that the machine ends in
//! order.

mod client;
mod judge;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pagewise_contract::{BallastRegion, Ioctl, Sections, State};
use pagewise_lab_wire::{Client, Control, ControlReply, Launch, Machine};

use client::{Asker, ask, connect};
use judge::Judge;

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Folder with the images and `pagewise-lab`.
    pub artifacts: PathBuf,
    /// Requests in all.
    pub requests: u64,
    /// Clients, each with a connection and a thread.
    pub clients: u32,
    /// What the requests follow from. Their interleaving is the host's.
    pub seed: u64,
    /// Further arguments of the machine, such as `--verifier torture`.
    pub machine: Vec<String>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests answered.
    pub requests: u64,
    /// Of those, accepted.
    pub accepted: u64,
    /// `SET_PAGING` to page entire, accepted.
    pub pages: u64,
    /// `SET_PAGING` to reset, accepted.
    pub resets: u64,
    /// `LOCK`, accepted.
    pub locks: u64,
    /// `UNLOCK`, accepted.
    pub unlocks: u64,
    /// Evictions of everything pageable, beside those at each raise of the IRQL.
    pub evictions: u64,
    /// Soft and hard faults that the machine resolved.
    pub faults: u64,
    /// Milliseconds that the clients took.
    pub milliseconds: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.accepted += other.accepted;
        self.pages += other.pages;
        self.resets += other.resets;
        self.locks += other.locks;
        self.unlocks += other.unlocks;
    }
}

/// How far it is, for whoever looks on.
#[derive(Debug, Default)]
pub struct Progress {
    answered: AtomicU64,
    stop: AtomicBool,
}

impl Progress {
    /// Requests answered so far.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }
}

/// Soaks.
///
/// # Errors
/// What went wrong, in a sentence; where the machine bug-checked, with the code.
pub fn soak(plan: &Plan, progress: &Progress) -> Result<Tally, String> {
    let folder =
        tempfile::tempdir().map_err(|error| format!("no folder for the socket: {error}"))?;
    let mut launch = Launch::from_artifacts(&plan.artifacts);
    launch.arguments = plan.machine.iter().map(Into::into).collect();
    let machine = launch.start(folder.path()).map_err(|error| error.to_string())?;
    match on(&machine, plan, progress) {
        Ok(tally) => {
            let status = machine.shut_down().map_err(|error| error.to_string())?;
            if !status.success() {
                return Err(format!("the machine ended with {status}"));
            }
            Ok(tally)
        }
        Err(error) => {
            // A report is the last that a dying machine writes.
            thread::sleep(Duration::from_secs(1));
            let report = machine.report();
            let report = report.map(|it| format!("; bug check {:#x} {}", it.code, it.name));
            Err(error + &report.unwrap_or_default())
        }
    }
}

fn on(machine: &Machine, plan: &Plan, progress: &Progress) -> Result<Tally, String> {
    let mut observer = Observer::new(machine)?;
    let (before, sections) = (observer.state()?, observer.sections()?);
    let (pool, faults) = (observer.pool()?, observer.faults()?);
    let judge = Judge::new(&before, sections.records());
    let start = Instant::now();
    let mut tally = Tally::default();
    let result = thread::scope(|scope| {
        let evictor = scope.spawn(|| evict(machine, progress));
        let askers: Vec<_> = (0..plan.clients.max(1))
            .map(|number| {
                let share = plan.requests / u64::from(plan.clients.max(1));
                let seed = plan.seed ^ u64::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let judge = &judge;
                scope.spawn(move || Asker::new(machine, judge, seed)?.ask(share, progress))
            })
            .collect();
        let mut result = Ok(());
        for asker in askers {
            match asker.join().unwrap_or_else(|_| Err("a client panicked".to_owned())) {
                Ok(one) => tally.add(&one),
                Err(error) => result = Err(error),
            }
        }
        progress.stop.store(true, Ordering::Relaxed);
        let evictions = evictor.join().unwrap_or_else(|_| Err("the evictor panicked".to_owned()));
        result.and(evictions)
    });
    tally.evictions = result?;
    tally.milliseconds = start.elapsed().as_millis() as u64;
    tally.faults = observer.faults()? - faults;
    observer.settle(&before, &tally, sections)?;
    observer.same_pool(pool)?;
    Ok(tally)
}

/// Takes every pageable page away, over and over; how often.
fn evict(machine: &Machine, progress: &Progress) -> Result<u64, String> {
    let mut client = machine.connect().map_err(|error| error.to_string())?;
    let mut evictions = 0;
    while !progress.stop.load(Ordering::Relaxed) {
        client.control(&Control::Evict).map_err(|error| format!("eviction: {error}"))?;
        evictions += 1;
    }
    Ok(evictions)
}

/// A client that looks on from outside.
struct Observer {
    client: Client,
    handle: u32,
}

impl Observer {
    fn new(machine: &Machine) -> Result<Self, String> {
        let (client, handle) = connect(machine, client::READ_WRITE)?;
        Ok(Self { client, handle })
    }

    fn state(&mut self) -> Result<State, String> {
        ask(&mut self.client, self.handle, Ioctl::State, &[])
    }

    fn sections(&mut self) -> Result<Sections, String> {
        ask(&mut self.client, self.handle, Ioctl::Sections, &[])
    }

    fn control(&mut self, command: &Control) -> Result<ControlReply, String> {
        self.client.control(command).map_err(|error| error.to_string())
    }

    fn faults(&mut self) -> Result<u64, String> {
        match self.control(&Control::Counters)? {
            ControlReply::Counters(counters) => Ok(counters.soft_faults + counters.hard_faults),
            other => Err(format!("counters: {other:?}")),
        }
    }

    fn pool(&mut self) -> Result<usize, String> {
        match self.control(&Control::Pool)? {
            ControlReply::Pool { blocks } => Ok(blocks.len()),
            other => Err(format!("pool: {other:?}")),
        }
    }

    /// The driver counted every accepted request once, and gives back what is left.
    fn settle(&mut self, before: &State, tally: &Tally, sections: Sections) -> Result<(), String> {
        let after = self.state()?;
        same("PAGE_ENTIRE", after.page_calls, before.page_calls + tally.pages)?;
        same("RESET", after.reset_calls, before.reset_calls + tally.resets)?;
        // One unlock more than locks is refused, so the difference is none below zero.
        let held = tally.locks.wrapping_sub(tally.unlocks);
        same("locks held", after.locks.into(), held)?;
        let now = self.sections()?;
        for (section, record) in (0..).zip(now.records()) {
            for _ in 0..record.locks {
                let bytes = u32::to_le_bytes(section);
                let reply: pagewise_contract::LockReply =
                    ask(&mut self.client, self.handle, Ioctl::Unlock, &bytes)?;
                same("section of an unlock", reply.section.into(), section.into())?;
            }
        }
        same("sections", now.count.into(), sections.count.into())?;
        same("locks left", self.state()?.locks.into(), 0)?;
        for region in BallastRegion::ALL.into_iter().filter(|region| !region.is_writable()) {
            let bytes = (region as u32).to_le_bytes();
            let reply: pagewise_contract::BallastChecksum =
                ask(&mut self.client, self.handle, Ioctl::BallastChecksum, &bytes)?;
            same("checksum", reply.checksum, region.linked_checksum())?;
        }
        Ok(())
    }

    /// The drivers have as many blocks of pool as before, once the other clients are gone.
    fn same_pool(&mut self, before: usize) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let now = self.pool()?;
            if now == before {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("{now} blocks of pool, and {before} before"));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn same(what: &str, found: u64, expected: u64) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:#x}, not {expected:#x}")) }
}
