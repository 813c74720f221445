//! Many clients at once, and requests that are given up.

use std::thread;
use std::time::{Duration, Instant};

use pagewise_contract::{
    BallastFill, BallastRegion, BallastRequest, Ioctl, PagingAction, Policy, TouchKind,
};
use zerocopy::IntoBytes;

use crate::driver::Driver;
use crate::error::Error;
use crate::machine::{Access, Need};
use crate::pages::Pages;
use crate::status::NtStatus;
use crate::verify::busy::while_busy;
use crate::verify::check::{Check, Stop, Verdict, ensure, ensure_eq};
use crate::verify::context::{Context, ensure_intact, grown, section_of, sections};
use crate::verify::requests::Witness;

pub const CHECKS: &[Check] = &[
    Check {
        id: "concurrency.clients",
        title: "8 clients toggle, trim, lock and ask at once, and every invariant holds",
        run: clients,
    },
    Check {
        id: "concurrency.cancel",
        title: "a cancelled request ends, done or not done, never half",
        run: cancel,
    },
    Check {
        id: "concurrency.close",
        title: "a handle can be closed with requests in flight",
        run: close,
    },
];

const CLIENTS: u64 = 8;
const STEPS: u32 = 150;

fn clients(context: &Context) -> Verdict {
    let calls = |context: &Context| -> Result<[u64; 2], Stop> {
        let state = context.driver()?.state()?;
        Ok([state.page_calls, state.reset_calls])
    };
    let before = (
        calls(context)?,
        context.lab_or_without(Need::Counters).map(|lab| lab.counters()).transpose()?,
    );
    let verdicts: Vec<_> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| scope.spawn(move || Client::new(context, number)?.run(context)))
            .collect();
        clients.into_iter().map(|client| client.join()).collect()
    });
    for (number, verdict) in verdicts.into_iter().enumerate() {
        let verdict = verdict.unwrap_or_else(|_| Err(Stop::Failed("panicked".to_owned())));
        verdict.map_err(|stop| stop.during(&format!("client {number}")))?;
    }
    let after = calls(context)?;
    let state = context.driver()?.state()?;
    ensure_eq!(state.locks, 0, "locks left");
    if let (Some(lab), (calls, Some(machine))) = (context.lab_if_any(), before) {
        let now = lab.counters()?;
        ensure_eq!(
            [0, 1].map(|index| grown(calls[index], after[index])),
            [
                grown(machine.page_entire_calls, now.page_entire_calls),
                grown(machine.reset_calls, now.reset_calls)
            ],
            "calls that the driver counted"
        );
    }
    Ok(())
}

/// One of the clients, with a connection of its own.
struct Client {
    driver: Driver,
    random: fastrand::Rng,
    pages: u32,
    calls: [u64; 2],
    lockable: (u32, Pages),
    /// The region that only this client fills.
    own: Option<BallastRegion>,
}

impl Client {
    fn new(context: &Context, number: u64) -> Result<Self, Stop> {
        let mut driver = context.driver()?;
        let all = sections(&mut driver)?;
        let lockable = [BallastRegion::PageableCode, BallastRegion::PageableConst];
        let (index, section) = section_of(&all, lockable[(number % 2) as usize])?;
        Ok(Self {
            pages: driver.state()?.pages,
            driver,
            random: context.random(100 + number),
            calls: [0; 2],
            lockable: (index, Pages::of(&section)),
            own: match number {
                0 => Some(BallastRegion::ResidentData),
                1 => Some(BallastRegion::PageableData),
                _ => None,
            },
        })
    }

    fn run(mut self, context: &Context) -> Verdict {
        for _ in 0..STEPS {
            match self.random.u8(..7) {
                0 => self.toggle()?,
                1 => self.lock(context)?,
                2 => self.fill()?,
                3 => self.touch()?,
                4 => self.add_up()?,
                5 => drop(self.driver.residency(Pages::new(0, self.pages))?),
                _ => trim(context, &mut self.random)?,
            }
            self.ask()?;
        }
        Ok(())
    }

    /// A request ends as if it were alone: the answer to a change shows that change.
    fn toggle(&mut self) -> Verdict {
        let (action, wanted) = match self.random.bool() {
            true => (PagingAction::PageEntire, Policy::PagedEntire),
            false => (PagingAction::Reset, Policy::AsLinked),
        };
        match self.driver.set_paging(action) {
            Ok(state) => {
                ensure_eq!(state.policy(), Some(wanted), "policy in the answer to {action:?}");
                let locked = wanted == Policy::PagedEntire && state.locks > 0;
                ensure!(!locked, "paged entire with {} locks held", state.locks);
                Ok(())
            }
            // Somebody holds a lock.
            Err(error) if action == PagingAction::PageEntire => only_state(error),
            Err(error) => Err(error.into()),
        }
    }

    /// What is locked stays in, whatever the others do, and can be unlocked.
    fn lock(&mut self, context: &Context) -> Verdict {
        let (section, pages) = self.lockable;
        if let Err(error) = self.driver.lock(section) {
            return only_state(error);
        }
        trim(context, &mut self.random)?;
        let seen = self.driver.residency(pages)?;
        ensure!(seen.iter().all(|seen| *seen), "a locked section is seen as {seen:?}");
        self.driver.unlock(section)?;
        Ok(())
    }

    fn fill(&mut self) -> Verdict {
        let Some(region) = self.own else { return Ok(()) };
        let seed = self.random.u64(..);
        self.driver.fill(region, seed)?;
        ensure_intact(&mut self.driver, region, seed, "which only this client fills")
    }

    fn touch(&mut self) -> Verdict {
        let (_, pages) = self.lockable;
        let reply = self.driver.touch(pages, TouchKind::Read)?;
        ensure!(reply.were_resident <= reply.pages, "{} pages were in", reply.were_resident);
        ensure_eq!(reply.pages, pages.count, "pages touched");
        Ok(())
    }

    fn add_up(&mut self) -> Verdict {
        let constant = BallastRegion::ALL.into_iter().filter(|region| !region.is_writable());
        for region in constant {
            ensure_intact(&mut self.driver, region, 0, "among other clients")?;
        }
        Ok(())
    }

    fn ask(&mut self) -> Verdict {
        let state = self.driver.state()?;
        ensure_eq!(state.pages, self.pages, "pages of the image");
        ensure!(state.policy().is_some(), "policy {}", state.policy);
        let locked = state.policy() == Some(Policy::PagedEntire) && state.locks > 0;
        ensure!(!locked, "paged entire with {} locks held", state.locks);
        let calls = [state.page_calls, state.reset_calls];
        let counted_on = calls.iter().zip(&self.calls).all(|(now, then)| now >= then);
        ensure!(counted_on, "calls went from {:?} to {calls:?}", self.calls);
        self.calls = calls;
        Ok(())
    }
}

/// A refusal that the others can be the reason of.
fn only_state(error: Error) -> Verdict {
    match error {
        Error::Request { code, .. } if code.is(NtStatus::INVALID_DEVICE_STATE) => Ok(()),
        other => Err(other.into()),
    }
}

fn trim(context: &Context, random: &mut fastrand::Rng) -> Verdict {
    if let Some(lab) = context.lab_or_without(Need::Evict) {
        if random.bool() {
            lab.trim()?
        } else {
            lab.evict()?
        };
    }
    Ok(())
}

fn cancel(context: &Context) -> Verdict {
    context.needs(Need::Queueing)?;
    let mut driver = context.driver()?;
    let cancelled = while_busy(context, || {
        let (mut seed, mut cancelled) = (0, 0);
        let end = Instant::now() + Duration::from_secs(5);
        for round in 1.. {
            cancelled += cancel_some(&mut driver, round, &mut seed)?;
            if cancelled > 0 || Instant::now() > end {
                break;
            }
        }
        Ok(cancelled)
    })?;
    match cancelled {
        0 => Err(Stop::Skipped("no request was still waiting when it was cancelled".to_owned())),
        _ => Ok(()),
    }
}

/// Sends requests, the last of which fills, and cancels them. Returns how many were cancelled.
/// `seed` is what the region is filled with.
fn cancel_some(driver: &mut Driver, round: u64, seed: &mut u64) -> Result<u32, Stop> {
    const REGION: BallastRegion = BallastRegion::ResidentData;
    const ADDING: usize = 31;
    let add_up = BallastRequest { region: REGION as u32 };
    let fill = BallastFill { region: REGION as u32, reserved: 0, seed: round };
    let handle = driver.handle();
    let mut tickets = Vec::new();
    for index in 0..=ADDING {
        let ticket = match index {
            ADDING => handle.start(Ioctl::BallastFill.code(), fill.as_bytes(), 0)?,
            _ => handle.start(Ioctl::BallastChecksum.code(), add_up.as_bytes(), 16)?,
        };
        tickets.push(ticket);
        // At once, as long as it waits for those of the others.
        handle.cancel(ticket)?;
    }
    let mut cancelled = 0;
    for (index, ticket) in tickets.into_iter().enumerate() {
        match handle.wait(ticket) {
            Ok(_) if index == ADDING => *seed = round,
            Ok(_) => {}
            Err(failure) if failure.is(NtStatus::CANCELLED) => cancelled += 1,
            Err(failure) => return Err(Stop::from(failure).during("a cancelled request")),
        }
    }
    ensure_intact(driver, REGION, *seed, "after cancelled requests")?;
    Ok(cancelled)
}

fn close(context: &Context) -> Verdict {
    let mut witness = Witness::of(context)?;
    let add_up = BallastRequest { region: BallastRegion::PageableConst as u32 };
    while_busy(context, || {
        for _ in 0..8 {
            let mut handle = context.machine().open(Access::ReadWrite)?;
            for _ in 0..16 {
                handle.start(Ioctl::BallastChecksum.code(), add_up.as_bytes(), 16)?;
            }
            drop(handle);
            let again = context.machine().open(Access::Read);
            drop(again.map_err(|failure| Stop::from(failure).during("opening it again"))?);
        }
        Ok(())
    })?;
    witness.ensure_unchanged("handles were closed with requests in flight")
}
