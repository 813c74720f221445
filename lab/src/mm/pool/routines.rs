//! The pool's routines for drivers.
//!
//! Each begins with a thunk that passes on where its return address is: whose block it is follows
//! from who called.
#![expect(non_snake_case, reason = "the routines' own names")]

use std::arch::naked_asm;
use std::ptr;

use pagewise_lab_nt::{
    POOL_FLAG_CACHE_ALIGNED, POOL_FLAG_NON_PAGED, POOL_FLAG_NON_PAGED_EXECUTE, POOL_FLAG_PAGED,
    POOL_FLAG_RAISE_ON_FAILURE, POOL_FLAG_SESSION, POOL_FLAG_UNINITIALIZED, POOL_FLAG_USE_QUOTA,
    POOL_FLAGS, POOL_TYPE, PVOID, SIZE_T, STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_PARAMETER,
    ULONG,
};

use super::{Caller, Content, Kind, allocate_with, free_by, special};
use crate::bugcheck::{KMODE_EXCEPTION_NOT_HANDLED, bug_check};
use crate::exports;

exports! {
    /// Routines for drivers.
    pub EXPORTS = [
        ExAllocatePool(_, _),
        ExAllocatePool2(_, _, _),
        ExAllocatePoolWithQuotaTag(_, _, _),
        ExAllocatePoolWithTag(_, _, _),
        ExAllocatePoolWithTagPriority(_, _, _, _),
        ExFreePool(_),
        ExFreePoolWithTag(_, _),
    ];
}

/// Allocates pool, zeroed unless `POOL_FLAG_UNINITIALIZED` is given. Null, or an exception where
/// that is asked for, when there is no memory, the tag is zero, or the flags are invalid: not
/// exactly one kind of pool, or one in the low half that is not known.
///
/// learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exallocatepool2,
/// learn.microsoft.com/windows-hardware/drivers/kernel/pool_flags
///
/// # IRQL
/// At most `DISPATCH_LEVEL`; for paged pool, `APC_LEVEL` (0xC2/0x8).
#[unsafe(naked)]
extern "win64" fn ExAllocatePool2(flags: POOL_FLAGS, bytes: SIZE_T, tag: ULONG) -> PVOID {
    naked_asm!("mov r9, rsp", "jmp {}", sym allocate_pool2)
}

/// Allocates pool that is not initialised; null when there is no memory.
///
/// learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exallocatepoolwithtag
///
/// # IRQL
/// At most `DISPATCH_LEVEL`; for paged pool, `APC_LEVEL` (0xC2/0x8).
#[unsafe(naked)]
extern "win64" fn ExAllocatePoolWithTag(kind: POOL_TYPE, bytes: SIZE_T, tag: ULONG) -> PVOID {
    naked_asm!("mov r9, rsp", "jmp {}", sym allocate_with_tag)
}

/// `ExAllocatePoolWithTag` with a hint. The lab needs none: it has memory or it has not. But under
/// special pool the hint says which end of the block is guarded.
///
/// learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exallocatepoolwithtagpriority
///
/// # IRQL
/// As for `ExAllocatePoolWithTag`.
#[unsafe(naked)]
extern "win64" fn ExAllocatePoolWithTagPriority(
    kind: POOL_TYPE,
    bytes: SIZE_T,
    tag: ULONG,
    priority: u32,
) -> PVOID {
    // No pool type has a bit in the upper half: the priority travels there.
    naked_asm!("shl r9d, 16", "or ecx, r9d", "mov r9, rsp", "jmp {}", sym allocate_with_priority)
}

/// `ExAllocatePoolWithTag` that charges the process, of which the lab keeps no account, and raises
/// an exception when there is no memory, unless `POOL_QUOTA_FAIL_INSTEAD_OF_RAISE` is given.
///
/// learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exallocatepoolwithquotatag
///
/// # IRQL
/// As for `ExAllocatePoolWithTag`.
#[unsafe(naked)]
extern "win64" fn ExAllocatePoolWithQuotaTag(kind: POOL_TYPE, bytes: SIZE_T, tag: ULONG) -> PVOID {
    naked_asm!("mov r9, rsp", "jmp {}", sym allocate_with_quota)
}

/// `ExAllocatePoolWithTag` with the tag `None`.
///
/// learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exallocatepool
///
/// # IRQL
/// As for `ExAllocatePoolWithTag`.
#[unsafe(naked)]
extern "win64" fn ExAllocatePool(kind: POOL_TYPE, bytes: SIZE_T) -> PVOID {
    naked_asm!(
        "mov r8d, {}",
        "mov r9, rsp",
        "jmp {}",
        const u32::from_le_bytes(*b"None"),
        sym allocate_with_tag,
    )
}

/// Frees a block of pool.
///
/// learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-exfreepool
///
/// # IRQL
/// At most `DISPATCH_LEVEL`; for paged pool, `APC_LEVEL` (0xC2/0x9).
#[unsafe(naked)]
extern "win64" fn ExFreePool(block: PVOID) {
    naked_asm!("xor edx, edx", "mov r8, rsp", "jmp {}", sym free_with_tag)
}

/// Frees a block of pool that was allocated with `tag`; zero stands for any.
///
/// learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exfreepoolwithtag
///
/// # IRQL
/// At most `DISPATCH_LEVEL`; for paged pool, `APC_LEVEL` (0xC2/0x9).
#[unsafe(naked)]
extern "win64" fn ExFreePoolWithTag(block: PVOID, tag: ULONG) {
    naked_asm!("mov r8, rsp", "jmp {}", sym free_with_tag)
}

extern "win64" fn free_with_tag(block: PVOID, tag: ULONG, frame: usize) {
    free_by(block, Some(tag), Some(Caller::at(frame)));
}

extern "win64" fn allocate_pool2(
    flags: POOL_FLAGS,
    bytes: SIZE_T,
    tag: ULONG,
    frame: usize,
) -> PVOID {
    let flag = |flag: u32| flags & u64::from(flag) != 0;
    let request = Request::parse(flags).filter(|_| tag != 0);
    let raise = flag(POOL_FLAG_RAISE_ON_FAILURE);
    let caller = Caller::at(frame);
    let Some(Request { kind, content }) = request else {
        return failed(raise, STATUS_INVALID_PARAMETER, caller);
    };
    let block = allocate_with(kind, bytes as usize, tag, content, caller);
    if block.is_null() {
        return failed(raise, STATUS_INSUFFICIENT_RESOURCES, caller);
    }
    block
}

extern "win64" fn allocate_with_tag(
    kind: POOL_TYPE,
    bytes: SIZE_T,
    tag: ULONG,
    frame: usize,
) -> PVOID {
    const RAISE_IF_ALLOCATION_FAILURE: POOL_TYPE = 16;
    let caller = Caller::at(frame);
    let block = allocate_with(of_type(kind), bytes as usize, tag, Content::Uninitialized, caller);
    if block.is_null() {
        let raise = kind & RAISE_IF_ALLOCATION_FAILURE != 0;
        return failed(raise, STATUS_INSUFFICIENT_RESOURCES, caller);
    }
    block
}

/// `kind` holds the priority in its upper half.
extern "win64" fn allocate_with_priority(
    kind: POOL_TYPE,
    bytes: SIZE_T,
    tag: ULONG,
    frame: usize,
) -> PVOID {
    let (kind, priority) = (kind & 0xffff, kind >> 16);
    let alignment = special::Alignment::of_priority(priority);
    let caller = Caller { alignment, ..Caller::at(frame) };
    let content = Content::Uninitialized;
    allocate_with(of_type(kind), bytes as usize, tag, content, caller)
}

extern "win64" fn allocate_with_quota(
    kind: POOL_TYPE,
    bytes: SIZE_T,
    tag: ULONG,
    frame: usize,
) -> PVOID {
    const QUOTA_FAIL_INSTEAD_OF_RAISE: POOL_TYPE = 8;
    let caller = Caller::at(frame);
    let block = allocate_with(of_type(kind), bytes as usize, tag, Content::Uninitialized, caller);
    if block.is_null() {
        let raise = kind & QUOTA_FAIL_INSTEAD_OF_RAISE == 0;
        return failed(raise, STATUS_INSUFFICIENT_RESOURCES, caller);
    }
    block
}

/// Odd pool types are paged.
fn of_type(kind: POOL_TYPE) -> Kind {
    if kind & 1 == 0 { Kind::NonPaged } else { Kind::Paged }
}

/// No memory: null, or an exception, which nobody handles.
fn failed(raise: bool, status: i32, caller: Caller) -> PVOID {
    if raise {
        let status = u64::from(status.cast_unsigned());
        bug_check(KMODE_EXCEPTION_NOT_HANDLED, [status, caller.address as u64, 0, 0]);
    }
    ptr::null_mut()
}

/// What `POOL_FLAGS` ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Request {
    kind: Kind,
    content: Content,
}

impl Request {
    fn parse(flags: POOL_FLAGS) -> Option<Self> {
        const KINDS: u32 = POOL_FLAG_NON_PAGED | POOL_FLAG_NON_PAGED_EXECUTE | POOL_FLAG_PAGED;
        const KNOWN: u32 = KINDS
            | POOL_FLAG_USE_QUOTA
            | POOL_FLAG_UNINITIALIZED
            | POOL_FLAG_SESSION
            | POOL_FLAG_CACHE_ALIGNED
            | POOL_FLAG_RAISE_ON_FAILURE;
        // The high half is optional: what is not known there is left out.
        let required = flags as u32;
        if required & !KNOWN != 0 || (required & KINDS).count_ones() != 1 {
            return None;
        }
        let paged = required & POOL_FLAG_PAGED != 0;
        let uninitialized = required & POOL_FLAG_UNINITIALIZED != 0;
        Some(Self {
            kind: if paged { Kind::Paged } else { Kind::NonPaged },
            content: if uninitialized { Content::Uninitialized } else { Content::Zeroes },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_taken_or_refused_as_documented() {
        let parse = |flags: u32| Request::parse(flags.into());
        let zeroed = Request { kind: Kind::NonPaged, content: Content::Zeroes };
        assert_eq!(parse(POOL_FLAG_NON_PAGED), Some(zeroed));
        let raw = Request { kind: Kind::Paged, content: Content::Uninitialized };
        assert_eq!(parse(POOL_FLAG_PAGED | POOL_FLAG_UNINITIALIZED), Some(raw));
        assert_eq!(parse(0), None, "no kind");
        assert_eq!(parse(POOL_FLAG_PAGED | POOL_FLAG_NON_PAGED), None, "two kinds");
        assert_eq!(parse(POOL_FLAG_PAGED | 0x10), None, "reserved");
        let optional = u64::from(POOL_FLAG_PAGED) | 1 << 60;
        assert!(Request::parse(optional).is_some(), "unknown, but optional");
    }

    #[test]
    fn the_caller_is_whoever_called() {
        let call: extern "win64" fn(POOL_FLAGS, SIZE_T, ULONG) -> PVOID = ExAllocatePool2;
        let block = call(POOL_FLAG_NON_PAGED.into(), 32, u32::from_le_bytes(*b"Test"));
        assert!(!block.is_null());
        ExFreePoolWithTag(block, u32::from_le_bytes(*b"Test"));
        let refused = call(POOL_FLAG_NON_PAGED.into(), 32, 0);
        assert!(refused.is_null(), "tag zero");
    }
}
