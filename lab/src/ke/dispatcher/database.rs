//! The dispatcher database: who waits for what, under one lock.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pagewise_lab_nt as nt;

use super::header::{Kind, Object};
use super::sleeper::Sleeper;
use crate::ke::irql;
use crate::ke::thread::Current;
use crate::ke::timer::TimerQueue;

const BUCKETS: usize = 64;

/// A wait that is not over.
pub(super) const PENDING: u32 = u32::MAX;

/// One thread's wait. It lives on that thread's stack, and in the database until it is over.
#[derive(Debug)]
pub(super) struct WaitBlock {
    pub(super) thread: Current,
    pub(super) sleeper: Sleeper,
    pub(super) objects: *const [Object],
    /// For all of them at once, rather than for any.
    pub(super) all: bool,
    /// [`PENDING`], then the NTSTATUS of the wait. Once it is set the block may be gone.
    pub(super) outcome: AtomicU32,
}

struct Entry {
    object: usize,
    block: *const WaitBlock,
}

// SAFETY: the block is shared only under the database's lock, and leaves the database before the
// stack frame that holds it is left.
unsafe impl Send for Entry {}

pub(super) struct Waits {
    /// Entries by address of their object, in the order in which they came.
    buckets: [Vec<Entry>; BUCKETS],
}

pub(crate) struct State {
    waits: Waits,
    pub(crate) timers: TimerQueue,
}

static DATABASE: Mutex<State> = Mutex::new(State {
    waits: Waits { buckets: [const { Vec::new() }; BUCKETS] },
    timers: TimerQueue::new(),
});

/// The database, locked. The holder is at `DISPATCH_LEVEL`; threads whose wait ended meanwhile run
/// again when this is dropped.
pub(crate) struct Database {
    state: Option<MutexGuard<'static, State>>,
    raised: irql::Raised,
    wake: Vec<Sleeper>,
}

impl Database {
    pub(crate) fn lock() -> Self {
        let raised = irql::Raised::to(irql::DISPATCH_LEVEL);
        let state = DATABASE.lock().unwrap_or_else(PoisonError::into_inner);
        Self { state: Some(state), raised, wake: Vec::new() }
    }

    /// The lock itself, for the timer thread, which sleeps on it.
    pub(crate) fn mutex() -> &'static Mutex<State> {
        &DATABASE
    }

    /// Takes over a lock of [`Database::mutex`].
    pub(crate) fn from_guard(state: MutexGuard<'static, State>) -> Self {
        let raised = irql::Raised::to(irql::DISPATCH_LEVEL);
        Self { state: Some(state), raised, wake: Vec::new() }
    }

    /// Lets the IRQL be `irql` when the database is unlocked.
    pub(crate) fn restore_to(&mut self, irql: u8) {
        self.raised.restore_to(irql);
    }

    /// Lets the IRQL stay at `DISPATCH_LEVEL` when the database is unlocked. Returns what it would
    /// have been.
    pub(crate) fn stay_at_dispatch(&mut self) -> u8 {
        self.raised.restore_to(irql::DISPATCH_LEVEL)
    }

    pub(crate) fn timers(&mut self) -> &mut TimerQueue {
        &mut self.state().timers
    }

    fn state(&mut self) -> &mut State {
        // It is None only while `drop` runs.
        self.state.as_mut().expect("the database is locked")
    }

    /// Ends the waits that `object`, whose state has just changed, can end.
    pub(crate) fn signal(&mut self, object: Object) {
        while let Some(sleeper) = self.end_one(object) {
            self.wake.push(sleeper);
        }
    }

    fn end_one(&mut self, object: Object) -> Option<Sleeper> {
        let entries = &self.state().waits.buckets[bucket_of(object.address())];
        let (block, status) = entries
            .iter()
            .filter(|entry| entry.object == object.address())
            .find_map(|entry| Some((entry.block, entry.try_end()?)))?;
        // SAFETY: see `Entry::try_end`.
        let WaitBlock { sleeper, objects, outcome, .. } = unsafe { &*block };
        let sleeper = sleeper.clone();
        // SAFETY: the slice is alive as long as its block.
        self.remove(block, unsafe { &**objects });
        // The last use of the block: its thread may go on from here.
        outcome.store(status, Ordering::Release);
        Some(sleeper)
    }

    pub(super) fn insert(&mut self, block: *const WaitBlock, objects: &[Object]) {
        for object in objects {
            let object = object.address();
            let entry = Entry { object, block };
            self.state().waits.buckets[bucket_of(object)].push(entry);
        }
    }

    pub(super) fn remove(&mut self, block: *const WaitBlock, objects: &[Object]) {
        for object in objects {
            let bucket = &mut self.state().waits.buckets[bucket_of(object.address())];
            bucket.retain(|entry| entry.block != block);
        }
    }

    /// How many wait for an object.
    #[cfg(test)]
    pub(crate) fn waiters(&mut self, object: Object) -> usize {
        let entries = &self.state().waits.buckets[bucket_of(object.address())];
        entries.iter().filter(|entry| entry.object == object.address()).count()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.state = None;
        for sleeper in self.wake.drain(..) {
            sleeper.wake();
        }
    }
}

fn bucket_of(address: usize) -> usize {
    // Objects are at least eight bytes apart; the multiplier is Fibonacci hashing's.
    (address >> 3).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (usize::BITS - BUCKETS.ilog2())
}

impl Entry {
    /// Ends the wait, if the state of its objects allows, and gives its NTSTATUS.
    fn try_end(&self) -> Option<u32> {
        // SAFETY: a block in the database is alive: its thread takes it out under the lock, or
        // sees its outcome, before it leaves the frame that holds it.
        let block = unsafe { &*self.block };
        // SAFETY: the slice is alive as long as its block.
        let objects = unsafe { &*block.objects };
        if block.all { try_all(objects, block.thread) } else { try_any(objects, block.thread) }
    }
}

/// Ends a wait for all of `objects`, if their state allows, and gives its NTSTATUS.
pub(super) fn try_all(objects: &[Object], thread: Current) -> Option<u32> {
    objects.iter().all(|&object| is_signaled(object, thread)).then(|| {
        objects.iter().for_each(|&object| take(object, thread));
        nt::STATUS_WAIT_0 as u32
    })
}

/// Ends a wait for any of `objects`, if their state allows, and gives its NTSTATUS, which holds the
/// index of the object.
pub(super) fn try_any(objects: &[Object], thread: Current) -> Option<u32> {
    let index = objects.iter().position(|&object| is_signaled(object, thread))?;
    take(objects[index], thread);
    Some(nt::STATUS_WAIT_0 as u32 + index as u32)
}

fn is_signaled(object: Object, thread: Current) -> bool {
    match object.kind() {
        Kind::Mutant => object.state() > 0 || object.owner() == thread.address(),
        _ => object.state() > 0,
    }
}

/// What a wait that ends does to its object.
fn take(object: Object, thread: Current) {
    match object.kind() {
        Kind::SynchronizationEvent | Kind::SynchronizationTimer => object.set_state(0),
        Kind::Semaphore => object.set_state(object.state() - 1),
        Kind::Mutant => super::mutex::take(object, thread),
        Kind::NotificationEvent | Kind::NotificationTimer | Kind::Thread => {}
    }
}
