//! Routines that low resources simulation fails in their place.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/devtest/low-resources-simulation lists them.
//! Pool fails in its own routines.

use std::arch::naked_asm;

use pagewise_lab_nt::{STATUS_INSUFFICIENT_RESOURCES, STATUS_NO_MEMORY};

/// How a routine says that there is no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// A null pointer.
    Null,
    /// `STATUS_INSUFFICIENT_RESOURCES`
    Status,
    /// `STATUS_NO_MEMORY`, if the third argument asks for memory at all.
    NoString,
}

/// By name; those that the machine does not have are no harm.
const FALLIBLE: &[(&str, Failure)] = &[
    ("IoAllocateErrorLogEntry", Failure::Null),
    ("IoAllocateIrp", Failure::Null),
    ("IoAllocateIrpEx", Failure::Null),
    ("IoAllocateMdl", Failure::Null),
    ("IoAllocateWorkItem", Failure::Null),
    ("IoBuildAsynchronousFsdRequest", Failure::Null),
    ("IoBuildDeviceIoControlRequest", Failure::Null),
    ("IoBuildSynchronousFsdRequest", Failure::Null),
    ("IoSetCompletionRoutineEx", Failure::Status),
    ("MmAllocateContiguousMemory", Failure::Null),
    ("MmAllocatePagesForMdl", Failure::Null),
    ("MmAllocatePagesForMdlEx", Failure::Null),
    ("MmMapIoSpace", Failure::Null),
    ("MmMapLockedPagesSpecifyCache", Failure::Null),
    ("RtlAnsiStringToUnicodeString", Failure::NoString),
    ("RtlUnicodeStringToAnsiString", Failure::NoString),
    ("RtlUpcaseUnicodeString", Failure::NoString),
];

impl Failure {
    /// How the routine of this name fails, if it is one of those that are failed.
    pub(super) fn of(name: &str) -> Option<Self> {
        FALLIBLE.iter().find(|(known, _)| *known == name).map(|&(_, failure)| failure)
    }

    /// Whether the call that `frame` belongs to can fail for want of memory.
    pub(super) fn is_possible(self, frame: usize) -> bool {
        self != Self::NoString || super::code::third_argument(frame) & 0xff != 0
    }

    /// The address of a routine that fails so.
    pub(super) fn routine(self) -> usize {
        match self {
            Self::Null => null as *const () as usize,
            Self::Status => status as *const () as usize,
            Self::NoString => no_memory as *const () as usize,
        }
    }
}

#[unsafe(naked)]
extern "win64" fn null() {
    naked_asm!("xor eax, eax", "ret")
}

#[unsafe(naked)]
extern "win64" fn status() {
    naked_asm!("mov eax, {}", "ret", const STATUS_INSUFFICIENT_RESOURCES)
}

#[unsafe(naked)]
extern "win64" fn no_memory() {
    naked_asm!("mov eax, {}", "ret", const STATUS_NO_MEMORY)
}
