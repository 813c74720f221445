//! What I/O verification checks of a dispatch routine once it has returned, and of a completion
//! routine.
//!
//! When a dispatch routine has returned, its IRP may be complete and gone. So it is noted here, while
//! the routine runs, whether the IRP was passed on, and whether it was marked pending when it was
//! completed.
//!
//! Pages: learn.microsoft.com/windows-hardware/drivers/devtest/i-o-verification and
//! enhanced-i-o-verification.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pagewise_lab_nt as nt;

use super::verify::{self, Violation};
use super::{Irp, StackLocation};
use crate::bugcheck::{DRIVER_VERIFIER_DETECTED_VIOLATION, bug_check};
use crate::ke::{apc, irql};
use crate::mm;
use crate::verifier::{self, Check};

/// 0xC4: a dispatch routine changed the thread's APC disable count.
const DISPATCH_CHANGED_APCS: u64 = 0xC5;
/// 0xC4: a completion routine returned at another IRQL.
const COMPLETION_CHANGED_IRQL: u64 = 0xFA;
/// 0xC4: a completion routine changed the thread's APC disable count.
const COMPLETION_CHANGED_APCS: u64 = 0xFB;

/// What is known of a driver that has an IRP.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Dispatch routines that run with this location: one that skips its own shares it with the
    /// driver below.
    running: u32,
    /// The driver has passed it on: what becomes of it is the lower driver's to say.
    passed_on: bool,
    /// Of one that was completed: whether it was marked pending.
    marked: Option<bool>,
}

/// By the IRP and the number of its location.
static KNOWN: Mutex<BTreeMap<(u64, i8), Known>> = Mutex::new(BTreeMap::new());

fn known() -> MutexGuard<'static, BTreeMap<(u64, i8), Known>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(irp: Irp) -> (u64, i8) {
    (irp.address(), irp.current_location())
}

/// A dispatch routine that is being called.
pub(super) struct Dispatch {
    irp: Irp,
    key: (u64, i8),
    apcs: u32,
}

/// A dispatch routine is about to be called with the current location of `irp`; nothing while
/// nothing is checked.
#[inline]
pub(super) fn begin(irp: Irp) -> Option<Dispatch> {
    verifier::on(Check::Io).then(|| note(irp))
}

#[cold]
fn note(irp: Irp) -> Dispatch {
    let key = key(irp);
    let mut known = known();
    // Whoever calls has the location above, or the same one if it skipped its own.
    if let Some(above) = known.get_mut(&(key.0, key.1 + 1)) {
        above.passed_on = true;
    }
    let own = known.entry(key).or_default();
    own.passed_on |= own.running > 0;
    own.running += 1;
    Dispatch { irp, key, apcs: apc::disabled() }
}

impl Dispatch {
    /// The routine has returned `status`.
    #[cold]
    pub(super) fn end(self, routine: usize, status: i32) {
        let apcs = apc::disabled();
        if apcs != self.apcs {
            let parameters = [DISPATCH_CHANGED_APCS, routine as u64, apcs.into(), self.apcs.into()];
            bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, parameters);
        }
        let mut known = known();
        let Some(own) = known.get_mut(&self.key) else { return };
        own.running -= 1;
        let own = *own;
        if own.running == 0 {
            known.remove(&self.key);
        }
        if own.passed_on {
            return;
        }
        // One that is not complete is still there, and nobody can complete it meanwhile: completing
        // takes the lock that is held here.
        let marked = own.marked.unwrap_or_else(|| is_marked(self.irp.current()));
        drop(known);
        let pending = status == nt::STATUS_PENDING;
        if pending != marked {
            let violation =
                if pending { Violation::PendingNotMarked } else { Violation::MarkedNotPending };
            let status = u64::from(status.cast_unsigned());
            verify::fail(violation, [routine as u64, self.key.0, status]);
        }
    }
}

fn is_marked(location: StackLocation) -> bool {
    location.control() & nt::SL_PENDING_RETURNED as u8 != 0
}

/// The current location of `irp` is completed.
#[inline]
pub(super) fn completed(irp: Irp) {
    if !verifier::on(Check::Io) {
        return;
    }
    if let Some(own) = known().get_mut(&key(irp)) {
        own.marked = Some(is_marked(irp.current()));
    }
}

/// A completion routine that is being called.
pub(super) struct Completion {
    routine: usize,
    irql: u8,
    apcs: u32,
    /// Whether it has to mark the IRP pending, if it lets it go on.
    has_to_mark: bool,
}

/// A completion routine is about to be called; nothing while nothing is checked.
#[inline]
pub(super) fn completing(irp: Irp, routine: usize, has_location: bool) -> Option<Completion> {
    verifier::on(Check::Io).then(|| examine(irp, routine, has_location))
}

#[cold]
fn examine(irp: Irp, routine: usize, has_location: bool) -> Completion {
    if mm::is_pageable(routine) {
        verify::fail(Violation::PageableCompletion, [routine as u64, irp.address(), 0]);
    }
    let has_to_mark = has_location && irp.pending_returned() != 0;
    Completion { routine, irql: irql::current(), apcs: apc::disabled(), has_to_mark }
}

impl Completion {
    /// The routine has returned `status`.
    #[cold]
    pub(super) fn end(self, irp: Irp, status: i32) {
        let (irql, apcs) = (irql::current(), apc::disabled());
        let routine = self.routine as u64;
        if irql != self.irql {
            let parameters = [COMPLETION_CHANGED_IRQL, routine, self.irql.into(), irql.into()];
            bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, parameters);
        }
        if apcs != self.apcs {
            let parameters = [COMPLETION_CHANGED_APCS, routine, apcs.into(), self.apcs.into()];
            bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, parameters);
        }
        let goes_on = status != nt::STATUS_MORE_PROCESSING_REQUIRED;
        if goes_on && self.has_to_mark && !is_marked(irp.current()) {
            verify::fail(Violation::CompletionNotMarked, [routine, irp.address(), 0]);
        }
    }
}
