//! Deferred procedure calls: one queue and one thread, a virtual processor of its own, for all of
//! them.
//!
//! That the DPC queue is another processor's is one of the orders a driver has to expect: a DPC may
//! run before the routine that queued it goes on, or long after.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-dpc-objects.

mod routines;

use std::cell::Cell;
use std::collections::VecDeque;
use std::ffi::c_void;
use std::ops::Range;
use std::ptr;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use pagewise_lab_nt as nt;

use crate::ke::apc;
use crate::ke::irql::{self, DISPATCH_LEVEL, HIGH_LEVEL, PASSIVE_LEVEL};
use crate::ke::schedule::{self, Condvar};
use crate::{bugcheck, ps};

pub use routines::{EXPORTS, KeFlushQueuedDpcs, KeInitializeDpc, KeInsertQueueDpc};

const TIMER_OR_DPC_INVALID: u32 = 0xC7;

const HIGH_IMPORTANCE: u8 = 2;

/// What a driver's DPC routine is.
type Routine = unsafe extern "win64" fn(*mut nt::KDPC, *mut c_void, *mut c_void, *mut c_void);

struct Queued {
    dpc: *mut nt::KDPC,
    serial: u64,
}

// SAFETY: a DPC object is shared between processors by its nature; the queue's lock orders access.
unsafe impl Send for Queued {}

struct Queue {
    waiting: VecDeque<Queued>,
    /// The serial number of the one that runs.
    running: Option<u64>,
    /// The serial number of the last one put in.
    last: u64,
}

static QUEUE: Mutex<Queue> = Mutex::new(Queue { waiting: VecDeque::new(), running: None, last: 0 });
static FILLED: Condvar = Condvar::new();
static DRAINED: Condvar = Condvar::new();

thread_local! {
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this processor runs a DPC routine.
#[must_use]
pub(crate) fn is_running() -> bool {
    RUNNING.get()
}

fn lock() -> MutexGuard<'static, Queue> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts a DPC in the queue, unless it is there.
///
/// # Safety
/// `dpc` points to an initialised `KDPC`.
pub(crate) unsafe fn insert(dpc: *mut nt::KDPC, arguments: [*mut c_void; 2]) -> bool {
    static STARTED: Once = Once::new();
    STARTED.call_once(start);
    // Nothing can interrupt this processor while it holds the lock, and the object has to be
    // resident, whatever the IRQL of the caller.
    let _raised = irql::Raised::to(HIGH_LEVEL);
    let mut queue = lock();
    // SAFETY: the caller vouches for the object, and the lock's holder alone changes it.
    let object = unsafe { &mut *dpc };
    if !object.DpcData.is_null() {
        return false;
    }
    object.DpcData = (&raw const QUEUE).cast_mut().cast();
    [object.SystemArgument1, object.SystemArgument2] = arguments;
    queue.last += 1;
    let queued = Queued { dpc, serial: queue.last };
    if object.Importance == HIGH_IMPORTANCE {
        queue.waiting.push_front(queued);
    } else {
        queue.waiting.push_back(queued);
    }
    FILLED.notify_one();
    true
}

/// Waits until every DPC that is queued now has run.
pub fn flush() {
    let mut queue = lock();
    let last = queue.last;
    while queue.has_any_until(last) {
        queue = DRAINED.wait(&QUEUE, queue);
    }
}

impl Queue {
    fn has_any_until(&self, serial: u64) -> bool {
        let mut serials = self.waiting.iter().map(|queued| queued.serial).chain(self.running);
        serials.any(|other| other <= serial)
    }
}

/// A DPC that is queued and lies in `range`.
#[must_use]
pub(crate) fn find_in(range: &Range<usize>) -> Option<usize> {
    let queue = lock();
    queue.waiting.iter().map(|queued| queued.dpc as usize).find(|dpc| range.contains(dpc))
}

/// The routine of a DPC that is queued, if it lies in `range`.
#[must_use]
pub(crate) fn find_routine_in(range: &Range<usize>) -> Option<usize> {
    let queue = lock();
    let routine = |queued: &Queued| {
        // SAFETY: what is in the queue is a DPC object, else its processor would fault as well.
        unsafe { (*queued.dpc).DeferredRoutine }.map_or(0, |routine| routine as usize)
    };
    queue.waiting.iter().map(routine).find(|routine| range.contains(routine))
}

fn start() {
    ps::spawn_system("dpc", run);
}

fn run() {
    loop {
        let mut queue = lock();
        while queue.waiting.is_empty() {
            queue = FILLED.wait(&QUEUE, queue);
        }
        irql::set(DISPATCH_LEVEL);
        let next = queue.waiting.pop_front();
        queue.running = next.as_ref().map(|queued| queued.serial);
        let call = next.map(|queued| take(queued.dpc));
        drop(queue);
        if let Some(call) = call {
            call.run();
        }
        irql::set(PASSIVE_LEVEL);
        lock().running = None;
        DRAINED.notify_all();
        schedule::point("the end of a DPC");
    }
}

/// A call of a DPC routine.
struct Call {
    dpc: *mut nt::KDPC,
    routine: Option<Routine>,
    arguments: [*mut c_void; 3],
}

/// Takes what is needed out of an object, which its routine may free.
fn take(dpc: *mut nt::KDPC) -> Call {
    // SAFETY: what is in the queue is a DPC object, and the caller holds the lock.
    let object = unsafe { &mut *dpc };
    object.DpcData = ptr::null_mut();
    let arguments = [object.DeferredContext, object.SystemArgument1, object.SystemArgument2];
    Call { dpc, routine: object.DeferredRoutine, arguments }
}

impl Call {
    fn run(self) {
        let Some(routine) = self.routine else {
            // What a call through a null pointer is at this IRQL.
            bugcheck::bug_check(0xD1, [0, u64::from(DISPATCH_LEVEL), 8, 0]);
        };
        let before = apc::disabled();
        RUNNING.set(true);
        let [context, first, second] = self.arguments;
        // SAFETY: the driver that queued the DPC vouches for its routine.
        unsafe { routine(self.dpc, context, first, second) };
        RUNNING.set(false);
        irql::expect(DISPATCH_LEVEL, routine as usize, context as usize);
        let after = apc::disabled();
        if before != after {
            let parameters = [4, routine as usize as u64, u64::from(before), u64::from(after)];
            bugcheck::bug_check(TIMER_OR_DPC_INVALID, parameters);
        }
    }
}
