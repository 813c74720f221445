//! One virtual processor: exactly one thread of the machine runs at a time, and a seed decides which.
//!
//! The machine's threads stay threads of the host, as each needs a stack of its own for driver code,
//! but whoever runs holds the processor, and gives it up where it waits. At each scheduling point, a
//! call of a driver into the machine and its return at an IRQL below `DISPATCH_LEVEL`, another may
//! get it, and pages may be taken. What is decided follows from the seed and from what clients ask,
//! in the order in which it comes; `docs/determinism.md` says how far that goes.
//!
//! Without a schedule nothing of this is there but a flag that is looked at where threads wait.

pub(crate) mod chance;
pub(crate) mod clock;
mod condvar;
mod eviction;
mod idle;
mod journal;
mod roster;
#[cfg(test)]
mod tests;

pub(crate) use condvar::Condvar;

use std::cell::Cell;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::ke::irql;
use journal::Journal;
use roster::{Roster, Standing, wait_for_turn};

/// How a machine with one processor is to go.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// What everything follows from.
    pub seed: u64,
    /// Pages are taken at one in so many scheduling points; never for 0.
    pub evict_one_in: u32,
    /// Where each decision is written, a line each.
    pub journal: Option<PathBuf>,
    /// What a user types to have the same run again.
    pub repeat: String,
}

static ROSTER: OnceLock<Mutex<Roster>> = OnceLock::new();
static REPEAT: OnceLock<String> = OnceLock::new();

thread_local! {
    /// This thread's number in the roster.
    static ME: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Has one processor and a schedule from now on. Before the machine boots.
///
/// # Errors
/// What the host says of the journal or of a thread.
pub fn start(schedule: &Schedule) -> io::Result<()> {
    let journal = Journal::new(schedule.journal.as_deref())?;
    // The one that was there first stays.
    let _ = REPEAT.set(format!("to repeat: {}\n", schedule.repeat));
    let _ = ROSTER.set(Mutex::new(Roster::new(schedule, journal)));
    idle::start()
}

/// Whether there is a schedule.
#[inline]
#[must_use]
pub fn on() -> bool {
    ROSTER.get().is_some()
}

/// How many decisions were noted, and a number that tells them from others; nothing without a
/// schedule.
#[must_use]
pub fn summary() -> Option<(u64, u64)> {
    lock().map(|roster| roster.summary())
}

/// Says on stderr how to have the same run again, where there is a schedule. Async-signal-safe.
pub fn say_how_to_repeat() {
    if let Some(line) = REPEAT.get() {
        // Nobody is left to be told where it fails.
        let _ = rustix::io::write(rustix::stdio::stderr(), line.as_bytes());
    }
}

fn lock() -> Option<MutexGuard<'static, Roster>> {
    ROSTER.get().map(|roster| roster.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The roster and this thread's number in it, while it is the one that runs.
fn inside() -> Option<(MutexGuard<'static, Roster>, usize)> {
    let roster = ROSTER.get()?;
    let me = ME.get()?;
    let roster = roster.lock().unwrap_or_else(PoisonError::into_inner);
    (roster.holder() == Some(me)).then_some((roster, me))
}

/// A thread's place in the roster, from before it starts until it ends.
#[derive(Debug)]
pub(crate) struct Seat(Option<usize>);

impl Seat {
    /// For a thread of the machine, which can run as soon as it is there. The numbers of threads
    /// follow from who starts them.
    pub(crate) fn inside(kind: &str) -> Self {
        Self(lock().map(|mut roster| roster.admit(kind, Standing::Ready)))
    }

    /// For a thread that waits for the world, until it [arrives](arrive).
    pub(crate) fn outside(kind: &str) -> Self {
        Self(lock().map(|mut roster| roster.admit(kind, Standing::Outside)))
    }

    /// The current thread is that of the seat; one from inside waits for its turn.
    pub(crate) fn take(&self, inside: bool) {
        let (Some(me), Some(roster)) = (self.0, lock()) else { return };
        ME.set(Some(me));
        if inside {
            drop(wait_for_turn(roster, me));
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let (Some(me), Some(mut roster)) = (self.0, lock()) else { return };
        roster.depart(me, Standing::Gone);
        if roster.holder() == Some(me) {
            roster.pass();
        }
    }
}

/// While it is there, this thread does something for the world.
#[derive(Debug)]
pub struct Turn(Option<usize>);

/// The world has something to do for this thread, which waits until it may do it. What follows is
/// decided once it is let in.
#[must_use]
pub fn arrive() -> Turn {
    let (Some(mut roster), Some(me)) = (lock(), ME.get()) else { return Turn(None) };
    if roster.holder() == Some(me) {
        return Turn(None);
    }
    roster.arrive(me);
    if roster.holder().is_none() {
        roster.pass();
    }
    drop(wait_for_turn(roster, me));
    Turn(Some(me))
}

impl Turn {
    /// This thread does no more than that before it ends.
    pub fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let (Some(me), Some(mut roster)) = (self.0, lock()) else { return };
        roster.depart(me, Standing::Outside);
        roster.pass();
    }
}

/// Something is under way for the world from now on, whoever works at it.
pub fn begin() {
    if let Some(mut roster) = lock() {
        roster.count_busy(1);
    }
}

/// The world has been told of what was under way.
pub fn end() {
    if let Some(mut roster) = lock() {
        roster.count_busy(-1);
    }
}

/// Bytes that look like chance and follow from the seed; nothing without a schedule.
pub(crate) fn random() -> Option<[u8; 16]> {
    let (mut roster, _) = inside()?;
    Some(roster.random().to_le_bytes())
}

/// A scheduling point: another thread may run before this one goes on, and pages may be taken. None
/// at `DISPATCH_LEVEL` and above.
#[inline]
pub(crate) fn point(place: &str) {
    if on() {
        point_at("", place);
    }
}

/// The scheduling point after a page fault, where no page is taken: what faulted has to have all its
/// pages at one time.
pub(crate) fn point_of_fault() {
    let place = Place { when: "", what: "a page fault", evicts: false };
    come_by(&place);
}

/// Where a thread comes by.
#[derive(Debug)]
struct Place<'a> {
    when: &'a str,
    what: &'a str,
    evicts: bool,
}

/// As [`point`], of which two words say where it is.
#[cold]
pub(crate) fn point_at(when: &str, what: &str) {
    come_by(&Place { when, what, evicts: true });
}

fn come_by(place: &Place<'_>) {
    if irql::current() >= irql::DISPATCH_LEVEL {
        return;
    }
    if let Some((mut roster, me)) = inside()
        && !roster.come_by(me, place)
    {
        drop(wait_for_turn(roster, me));
    }
}

/// Lets time pass, by the schedule's clock.
pub(crate) fn pass_time(interval: Duration) {
    if let Some(mut roster) = lock() {
        let time = roster.now() + interval;
        roster.advance(time);
    }
}

/// Lets others run, as this thread cannot go on before they have: it spins.
pub(crate) fn give_way() {
    if let Some((mut roster, me)) = inside()
        && !roster.give_way(me)
    {
        drop(wait_for_turn(roster, me));
    }
}

/// A thread that is about to sleep: it counts as asleep, and runs on until it sleeps.
#[derive(Debug)]
pub(crate) struct Bed(usize);

/// This thread sleeps on `key` until it is woken or the time has come, from when [`Bed::sleep`] is
/// called. Nothing where the schedule does not decide about it: the host is to be asked.
pub(crate) fn lie_down(key: usize, until: Option<Instant>) -> Option<Bed> {
    let (mut roster, me) = inside()?;
    roster.lie_down(me, key, until.map(clock::of));
    Some(Bed(me))
}

impl Bed {
    /// Does not sleep after all.
    pub(crate) fn leave(self) {
        if let Some(mut roster) = lock() {
            roster.wake(self.0);
        }
    }

    /// Lets others run. False where the time came first.
    pub(crate) fn sleep(self) -> bool {
        let Some(mut roster) = lock() else { return true };
        roster.pass();
        !wait_for_turn(roster, self.0).overslept(self.0)
    }
}

/// Wakes who sleeps on `key`: all, or who has for longest.
pub(crate) fn wake_on(key: usize, all: bool) {
    if let Some(mut roster) = lock() {
        roster.wake_on(key, all);
        // Whoever is no member can wake members, too, while nobody runs.
        if roster.holder().is_none() {
            roster.pass();
        }
    }
}

/// This thread's number in the roster while it runs by the schedule.
pub(crate) fn member() -> Option<usize> {
    inside().map(|(_, me)| me)
}

/// Wakes one thread, wherever it sleeps.
pub(crate) fn wake(member: usize) {
    if let Some(mut roster) = lock() {
        roster.wake(member);
        if roster.holder().is_none() {
            roster.pass();
        }
    }
}
