//! Waiting.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use pagewise_lab_nt as nt;

use super::database::{Database, PENDING, WaitBlock, try_all, try_any};
use super::header::Object;
use super::sleeper::Sleeper;
use crate::ke::irql::{self, APC_LEVEL, DISPATCH_LEVEL};
use crate::ke::schedule::clock;
use crate::ke::thread::Current;
use crate::ke::{dpc, time};
use crate::{bugcheck, verifier};

const IRQL_NOT_LESS_OR_EQUAL: u32 = 0xA;
const MAXIMUM_WAIT_OBJECTS_EXCEEDED: u32 = 0xC;
const ATTEMPTED_SWITCH_FROM_DPC: u32 = 0xB8;
const DRIVER_VERIFIER_DETECTED_VIOLATION: u32 = 0xC4;
const VERIFIER_WAIT_AT_DISPATCH: u64 = 0x3B;

const THREAD_WAIT_OBJECTS: usize = 3;
const MAXIMUM_WAIT_OBJECTS: usize = 64;

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// Until the wait is satisfied.
    Never,
    /// Not at all: only look.
    Poll,
    /// Until then.
    At(Instant),
}

impl Timeout {
    /// From a `PLARGE_INTEGER` of a wait: null is never, 0 is a look, negative an interval, positive
    /// a time since 1601, in units of 100 ns. A later change of the system time does not move it.
    ///
    /// # Safety
    /// `timeout` is null or can be read, or faulting is what its reader deserves.
    pub(crate) unsafe fn from_nt(timeout: *const i64) -> Self {
        if timeout.is_null() {
            return Self::Never;
        }
        // SAFETY: the caller vouches for it.
        match unsafe { timeout.read() } {
            0 => Self::Poll,
            due => Self::At(time::due(due)),
        }
    }
}

/// Waits for any of `objects`, or for all of them, and returns the NTSTATUS: the index of the
/// object that ended the wait, or `STATUS_TIMEOUT`.
///
/// Nothing is ever alertable and no APC is ever delivered, since the machine has no user threads.
pub(crate) fn wait(objects: &[Object], all: bool, timeout: Timeout) -> i32 {
    let thread = Current::get();
    // Where the call before left the IRQL raised for this one, this one restores it.
    let irql = thread.take_wait_next().unwrap_or_else(irql::current);
    let limit = if timeout == Timeout::Poll { DISPATCH_LEVEL } else { APC_LEVEL };
    if irql > limit {
        wait_at_high_irql(irql, objects, timeout);
    }
    let mut database = Database::lock();
    database.restore_to(irql);
    let satisfied = if all { try_all(objects, thread) } else { try_any(objects, thread) };
    if let Some(status) = satisfied {
        return status as i32;
    }
    if timeout == Timeout::Poll {
        return nt::STATUS_TIMEOUT;
    }
    let outcome = AtomicU32::new(PENDING);
    let block = WaitBlock { thread, sleeper: Sleeper::current(), objects, all, outcome };
    database.insert(&raw const block, objects);
    drop(database);
    park(&block, objects, timeout)
}

/// Bug check as for a wait, unless the IRQL allows one: for routines that wait for something else
/// than a dispatcher object.
pub(crate) fn require_wait_irql() {
    let irql = irql::current();
    if irql > APC_LEVEL {
        wait_at_high_irql(irql, &[], Timeout::Never);
    }
}

fn park(block: &WaitBlock, objects: &[Object], timeout: Timeout) -> i32 {
    loop {
        let outcome = block.outcome.load(Ordering::Acquire);
        if outcome != PENDING {
            return outcome as i32;
        }
        let until = match timeout {
            Timeout::At(due) if due <= clock::now() => return give_up(block, objects),
            Timeout::At(due) => Some(due),
            Timeout::Never | Timeout::Poll => None,
        };
        block.sleeper.sleep(until, || block.outcome.load(Ordering::Acquire) == PENDING);
    }
}

fn give_up(block: &WaitBlock, objects: &[Object]) -> i32 {
    let mut database = Database::lock();
    let outcome = block.outcome.load(Ordering::Acquire);
    if outcome != PENDING {
        return outcome as i32;
    }
    database.remove(block, objects);
    nt::STATUS_TIMEOUT
}

#[cold]
fn wait_at_high_irql(current: u8, objects: &[Object], timeout: Timeout) -> ! {
    let object = objects.first().map_or(0, |object| object.address()) as u64;
    let current = u64::from(current);
    if verifier::active() {
        let blocks = u64::from(timeout != Timeout::Poll);
        let parameters = [VERIFIER_WAIT_AT_DISPATCH, current, object, blocks];
        bugcheck::bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, parameters);
    }
    // Windows would switch to another thread, at an IRQL that forbids it: from a DPC that is 0xB8;
    // else no page names the code, and the lab's is 0xA with the object in place of an address.
    if dpc::is_running() {
        let thread = Current::get().address() as u64;
        bugcheck::bug_check(ATTEMPTED_SWITCH_FROM_DPC, [thread, 0, 0, 0]);
    }
    bugcheck::bug_check(IRQL_NOT_LESS_OR_EQUAL, [object, current, 0, 0]);
}

/// Waits until a dispatcher object is signalled, or until the timeout.
///
/// Page: wdm/nf-wdm-kewaitforsingleobject. `STATUS_SUCCESS` or `STATUS_TIMEOUT`.
///
/// # IRQL
/// <= `APC_LEVEL`, or <= `DISPATCH_LEVEL` with a timeout of 0; else bug check 0xC4/0x3B, 0xB8 or
/// 0xA.
///
/// # Safety
/// `object` points to a dispatcher object and `timeout` is null or points to a `LARGE_INTEGER`.
pub unsafe extern "win64" fn KeWaitForSingleObject(
    object: *mut std::ffi::c_void,
    _reason: i32,
    _mode: i8,
    _alertable: u8,
    timeout: *const i64,
) -> i32 {
    // SAFETY: the caller vouches for it.
    let timeout = unsafe { Timeout::from_nt(timeout) };
    // SAFETY: the caller vouches for it.
    let object = unsafe { Object::at(object) };
    wait(&[object], false, timeout)
}

/// Waits until any or all of several dispatcher objects are signalled, or until the timeout.
///
/// Page: wdm/nf-wdm-kewaitformultipleobjects. `STATUS_WAIT_0` + index, or `STATUS_TIMEOUT`. More
/// objects than 3 without wait blocks, or than 64 with them, are bug check 0xC.
///
/// # IRQL
/// As [`KeWaitForSingleObject`].
///
/// # Safety
/// `objects` points to `count` pointers to dispatcher objects; `timeout` is null or points to a
/// `LARGE_INTEGER`.
pub unsafe extern "win64" fn KeWaitForMultipleObjects(
    count: u32,
    objects: *const Object,
    wait_type: i32,
    _reason: i32,
    _mode: i8,
    _alertable: u8,
    timeout: *const i64,
    wait_blocks: *mut std::ffi::c_void,
) -> i32 {
    const WAIT_ALL: i32 = 0;
    let count = count as usize;
    let limit = if wait_blocks.is_null() { THREAD_WAIT_OBJECTS } else { MAXIMUM_WAIT_OBJECTS };
    if count > limit {
        bugcheck::bug_check(MAXIMUM_WAIT_OBJECTS_EXCEEDED, [count as u64, limit as u64, 0, 0]);
    }
    // SAFETY: the caller vouches for it.
    let timeout = unsafe { Timeout::from_nt(timeout) };
    // The caller's array may be pageable; a copy is not.
    let mut copy = [Object::NULL; MAXIMUM_WAIT_OBJECTS];
    for (index, slot) in copy[..count].iter_mut().enumerate() {
        // SAFETY: index < count, and the caller vouches for that many.
        let from = unsafe { objects.add(index) };
        // SAFETY: as before; an `Object` is a pointer.
        *slot = unsafe { from.read() };
    }
    wait(&copy[..count], wait_type == WAIT_ALL, timeout)
}

/// Puts the current thread to sleep.
///
/// Page: wdm/nf-wdm-kedelayexecutionthread. `STATUS_SUCCESS`: the interval has passed.
///
/// # IRQL
/// <= `APC_LEVEL`; else as a wait.
///
/// # Safety
/// `interval` points to a `LARGE_INTEGER`: negative an interval, positive a time since 1601, in
/// units of 100 ns.
pub unsafe extern "win64" fn KeDelayExecutionThread(
    _mode: i8,
    _alertable: u8,
    interval: *const i64,
) -> i32 {
    // SAFETY: the caller vouches for it.
    let interval = unsafe { interval.read() };
    // An interval of 0 gives up the rest of the time slice.
    wait(&[], false, Timeout::At(time::due(interval)));
    nt::STATUS_SUCCESS
}

crate::exports! {
    /// Waiting.
    pub EXPORTS = [
        KeWaitForSingleObject(_, _, _, _, _),
        KeWaitForMultipleObjects(_, _, _, _, _, _, _, _),
        KeDelayExecutionThread(_, _, _),
    ];
}
