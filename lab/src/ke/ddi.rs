//! DDI compliance checking: the rules on the IRQL at which a routine may be called, and on the memory
//! in which an object may lie.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/devtest/ddi-compliance-checking.

use crate::ke::irql;
use crate::verifier::intercept;
use crate::{bugcheck, mm, verifier};

const DRIVER_VERIFIER_DETECTED_VIOLATION: u32 = 0xC4;

/// A rule, with its number in bug check 0xC4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Rule {
    /// `IrqlExApcLte1`
    ExApcLte1 = 0x20005,
    /// `IrqlExApcLte2`
    ExApcLte2 = 0x20006,
    /// `IrqlKeApcLte1`
    KeApcLte1 = 0x2000F,
    /// `IrqlKeApcLte2`
    KeApcLte2 = 0x20010,
    /// `IrqlKeSetEvent`
    KeSetEvent = 0x20016,
    /// `IrqlMmApcLte`
    MmApcLte = 0x20019,
    /// `IrqlObPassive`
    ObPassive = 0x2001B,
    /// `IrqlPsPassive`
    PsPassive = 0x2001C,
    /// `IrqlZwPassive`
    ZwPassive = 0x2001F,
}

/// Bug check 0xC4 when DDI compliance is on and the IRQL is above `limit`. The second parameter points
/// to the rule in words.
#[inline]
pub(crate) fn at_most(limit: u8, rule: Rule) {
    if verifier::ddi_compliance() && irql::current() > limit {
        violation(limit, rule);
    }
}

/// Bug check 0xC4/0xE1 when force IRQL checking is on and a synchronisation object is about to be
/// made in memory that may be paged out.
///
/// Page: learn.microsoft.com/windows-hardware/drivers/devtest/force-irql-checking.
#[inline]
pub(crate) fn require_resident(object: usize) {
    const PAGEABLE_OBJECT: u64 = 0xE1;
    if verifier::force_irql() && mm::is_pageable(object) {
        let parameters = [PAGEABLE_OBJECT, object as u64, 0, 0];
        bugcheck::bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, parameters);
    }
}

// Win64, as the cold paths of `irql`.
#[cold]
#[inline(never)]
extern "win64" fn violation(limit: u8, rule: Rule) -> ! {
    let irql = irql::current();
    let text = format!("rule Irql{rule:?}: at IRQL <= {limit} only, and it was {irql}");
    let parameters = [rule as u64, intercept::remember(&text), 0, 0];
    bugcheck::bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, parameters);
}
