//! IRQL: a number for each virtual processor.
//!
//! Every host thread that runs driver code is a virtual processor of its own, so its IRQL is a
//! byte of its thread-local storage: a raise and a lower cost nanoseconds, a signal handler may read
//! it, and host priorities are never touched. What Windows guarantees by IRQL that follows from a
//! processor's having one flow of control (no other thread runs here while this one is at
//! `DISPATCH_LEVEL`) therefore holds by construction.
//!
//! Pages: learn.microsoft.com/windows-hardware/drivers/kernel/managing-hardware-priorities and the
//! DDI page of each routine.

use std::arch::naked_asm;
use std::sync::atomic::{Ordering, compiler_fence};

use crate::ke::local::local;
use crate::ke::processor;
use crate::{bugcheck, mm, verifier};

/// Normal thread execution.
pub const PASSIVE_LEVEL: u8 = 0;
/// Asynchronous procedure calls are masked; page faults are still allowed.
pub const APC_LEVEL: u8 = 1;
/// The scheduler and DPCs are masked: no waiting, no page faults.
pub const DISPATCH_LEVEL: u8 = 2;
/// The highest IRQL of x64.
pub const HIGH_LEVEL: u8 = 15;

const IRQL_NOT_GREATER_OR_EQUAL: u32 = 0x9;
const IRQL_NOT_LESS_OR_EQUAL: u32 = 0xA;
const IRQL_UNEXPECTED_VALUE: u32 = 0xC8;
const DRIVER_VERIFIER_DETECTED_VIOLATION: u32 = 0xC4;
const VERIFIER_BAD_RAISE: u64 = 0x30;
const VERIFIER_BAD_LOWER: u64 = 0x31;

/// The IRQL of this virtual processor. Async-signal-safe.
#[inline]
#[must_use]
pub fn current() -> u8 {
    local().irql.get()
}

/// The number of this virtual processor; see [`processor::number`]. Async-signal-safe.
#[inline]
#[must_use]
pub fn processor() -> u32 {
    processor::number()
}

/// Raises the IRQL on behalf of a driver and returns the former one. A raise to `DISPATCH_LEVEL`
/// or above is counted and, under force IRQL checking, evicts everything pageable.
///
/// A raise to a lower IRQL, or above `HIGH_LEVEL`, is a bug check: 0xC4/0x30 when the verifier is
/// on, else 0x9.
#[inline]
pub fn raise(new: u8) -> u8 {
    let old = current();
    if new < old || new > HIGH_LEVEL {
        bad_raise(old, new);
    }
    set(new);
    if new >= DISPATCH_LEVEL {
        processor::count_raise();
        if verifier::force_irql() {
            evict();
        }
    }
    old
}

/// Lowers the IRQL on behalf of a driver.
///
/// A new IRQL above the current one is a bug check: 0xC4/0x31 when the verifier is on, else 0xA.
#[inline]
pub fn lower(new: u8) {
    let current = current();
    if new > current {
        bad_lower(current, new);
    }
    set(new);
}

/// Sets the IRQL without any check: for the start and the end of a thread's life as a processor,
/// and for routines that are documented to leave it raised. Async-signal-safe.
#[inline]
pub(crate) fn set(irql: u8) {
    // The fault handler of this thread judges each access by this byte: none may move across.
    compiler_fence(Ordering::SeqCst);
    local().irql.set(irql);
    compiler_fence(Ordering::SeqCst);
}

/// The machine's own raise, for the time a kernel routine touches a caller's object: pageable
/// memory faults then as it does under the kernel's own locks. It is not counted and evicts
/// nothing, since the verifier sees only what drivers call.
pub(crate) struct Raised {
    old: u8,
}

impl Raised {
    /// Raises to `irql`, unless the IRQL is already there or higher.
    #[inline]
    pub(crate) fn to(irql: u8) -> Self {
        let old = current();
        set(old.max(irql));
        Self { old }
    }

    /// Lets the IRQL be `irql` after. Returns what it would have been.
    pub(crate) fn restore_to(&mut self, irql: u8) -> u8 {
        std::mem::replace(&mut self.old, irql)
    }
}

impl Drop for Raised {
    #[inline]
    fn drop(&mut self) {
        set(self.old);
    }
}

/// Bug check 0xC8 unless the IRQL is `expected`: called where a driver's routine has returned to
/// the machine. `routine` is the address of it.
#[inline]
pub fn expect(expected: u8, routine: usize, argument: usize) {
    let current = current();
    if current != expected {
        unexpected(current, expected, routine, argument);
    }
}

/// Raises the IRQL, and returns the former one.
///
/// Page: wdm/nf-wdm-kfraiseirql; `KeRaiseIrql` is this on x64. For misuse see [`raise`].
///
/// # IRQL
/// Any, up to the new one.
pub extern "win64" fn KfRaiseIrql(new: u8) -> u8 {
    raise(new)
}

/// Raises the IRQL to `DISPATCH_LEVEL`, and returns the former one.
///
/// Page: wdm/nf-wdm-keraiseirqltodpclevel.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
pub extern "win64" fn KeRaiseIrqlToDpcLevel() -> u8 {
    raise(DISPATCH_LEVEL)
}

/// Restores the IRQL.
///
/// Page: wdm/nf-wdm-kelowerirql~r1. For misuse see [`lower`].
///
/// # IRQL
/// Any, down to the new one.
pub extern "win64" fn KeLowerIrql(new: u8) {
    lower(new);
}

/// The IRQL.
///
/// Page: wdm/nf-wdm-kegetcurrentirql.
///
/// # IRQL
/// Any.
pub extern "win64" fn KeGetCurrentIrql() -> u8 {
    current()
}

crate::exports! {
    /// IRQL.
    pub EXPORTS = [
        KfRaiseIrql(_),
        KeRaiseIrqlToDpcLevel(),
        KeLowerIrql(_),
        "KfLowerIrql" = KeLowerIrql(_),
        KeGetCurrentIrql(),
    ];
}

// The cold paths use the driver's calling convention: a call from a win64 routine into a sysv one
// must save ten vector registers first, which would cost the hot path more than all it does.

#[cold]
#[unsafe(naked)]
extern "win64" fn evict() {
    naked_asm!("mov rcx, rsp", "jmp {}", sym evict_for)
}

/// `frame` is the stack pointer as [`evict`] was called: who raised is found from there.
extern "win64" fn evict_for(frame: usize) {
    mm::evict_pageable(frame);
}

#[cold]
#[inline(never)]
extern "win64" fn bad_raise(current: u8, new: u8) -> ! {
    let (current, new) = (u64::from(current), u64::from(new));
    if verifier::active() {
        let parameters = [VERIFIER_BAD_RAISE, current, new, 0];
        bugcheck::bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, parameters);
    }
    // The parameters of 0x9 are not documented; these are the lab's.
    bugcheck::bug_check(IRQL_NOT_GREATER_OR_EQUAL, [current, new, 0, 0]);
}

#[cold]
#[inline(never)]
extern "win64" fn bad_lower(current: u8, new: u8) -> ! {
    let (current, new) = (u64::from(current), u64::from(new));
    if verifier::active() {
        let parameters = [VERIFIER_BAD_LOWER, current, new, 0];
        bugcheck::bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, parameters);
    }
    // "A fatal error", says the page of KeLowerIrql, without a code. The lab's: no address was
    // referenced, so the first parameter holds the IRQL that was asked for.
    bugcheck::bug_check(IRQL_NOT_LESS_OR_EQUAL, [new, current, 0, 0]);
}

#[cold]
#[inline(never)]
fn unexpected(current: u8, expected: u8, routine: usize, argument: usize) -> ! {
    const CALLOUT: u64 = 2;
    let value = u64::from(current) << 16 | u64::from(expected) << 8 | CALLOUT;
    bugcheck::bug_check(IRQL_UNEXPECTED_VALUE, [value, routine as u64, argument as u64, 0]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ke::testing::{dies, verify};

    #[test]
    fn raising_and_lowering_are_a_pair() {
        assert_eq!(current(), PASSIVE_LEVEL);
        assert_eq!(KfRaiseIrql(APC_LEVEL), PASSIVE_LEVEL);
        let before = processor::raises();
        assert_eq!(KeRaiseIrqlToDpcLevel(), APC_LEVEL);
        let (inside, raises) = (KeGetCurrentIrql(), processor::raises());
        KeLowerIrql(APC_LEVEL);
        KeLowerIrql(PASSIVE_LEVEL);
        assert_eq!(inside, DISPATCH_LEVEL);
        assert!(raises > before);
        assert_eq!(current(), PASSIVE_LEVEL);
    }

    #[test]
    fn the_machine_s_own_raise_never_lowers() {
        let old = raise(HIGH_LEVEL);
        let inside = {
            let _raised = Raised::to(DISPATCH_LEVEL);
            current()
        };
        let after = current();
        lower(old);
        assert_eq!((inside, after), (HIGH_LEVEL, HIGH_LEVEL));
    }

    #[test]
    fn every_thread_has_its_own() {
        let old = raise(DISPATCH_LEVEL);
        let other = std::thread::spawn(current).join();
        lower(old);
        assert_eq!(other.unwrap(), PASSIVE_LEVEL);
    }

    dies!(
        a_raise_that_lowers,
        {
            raise(DISPATCH_LEVEL);
            raise(APC_LEVEL);
        },
        |code, parameters| assert_eq!((code, parameters), (0x9, [2, 1, 0, 0]))
    );

    dies!(
        a_raise_that_lowers_under_the_verifier,
        {
            verify();
            raise(DISPATCH_LEVEL);
            raise(APC_LEVEL);
        },
        |code, parameters| assert_eq!((code, parameters), (0xC4, [0x30, 2, 1, 0]))
    );

    dies!(
        a_raise_beyond_the_highest_level,
        {
            verify();
            raise(16);
        },
        |code, parameters| assert_eq!((code, parameters), (0xC4, [0x30, 0, 16, 0]))
    );

    dies!(
        a_lowering_that_raises,
        {
            lower(DISPATCH_LEVEL);
        },
        |code, parameters| assert_eq!((code, parameters), (0xA, [2, 0, 0, 0]))
    );

    dies!(
        a_lowering_that_raises_under_the_verifier,
        {
            verify();
            lower(DISPATCH_LEVEL);
        },
        |code, parameters| assert_eq!((code, parameters), (0xC4, [0x31, 0, 2, 0]))
    );

    dies!(
        a_routine_that_returns_at_another_irql,
        {
            raise(DISPATCH_LEVEL);
            expect(PASSIVE_LEVEL, 0x1000, 0x2000);
        },
        |code, parameters| assert_eq!((code, parameters), (0xC8, [0x2_0002, 0x1000, 0x2000, 0]))
    );
}
