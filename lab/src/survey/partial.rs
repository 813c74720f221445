//! What is provided and does less than its page says.

/// Routines of the kernel and the HAL, each with what is left out of it.
pub const KERNEL_LIMITS: &[(&str, &str)] = &[
    ("ExAllocatePoolWithQuotaTag", "no account is kept of a process's quota"),
    ("ExGetPreviousMode", "the mode is always kernel mode"),
    ("IoAllocateIrp", "no quota is charged"),
    ("IoAllocateMdl", "no quota is charged; page frame numbers are zeroes"),
    ("IoInvalidateDeviceRelations", "children of other buses than the root are not enumerated"),
    ("KeSetTargetProcessorDpc", "all DPCs run on one processor"),
    ("MmBuildMdlForNonPagedPool", "page frame numbers are zeroes"),
    ("ZwFlushKey", "there is no disk to write to"),
    ("MmMapLockedPagesSpecifyCache", "there is one mapping: the range's own address comes back"),
    ("MmProbeAndLockPages", "paged pool and image pages stay pageable"),
    ("ProbeForRead", "clients' memory and drivers' lie in one address space"),
    ("ProbeForWrite", "clients' memory and drivers' lie in one address space"),
];

/// Functions of the framework, likewise.
pub const FRAMEWORK_LIMITS: &[(&str, &str)] = &[
    ("WdfDeviceInitSetPowerPolicyEventCallbacks", "no power policy is run: they are not called"),
    ("WdfDeviceInitSetPowerPolicyOwnership", "no power policy is run"),
    ("WdfDeviceSetDeviceInterfaceStateEx", "as WdfDeviceSetDeviceInterfaceState"),
];

/// What the routine of this name leaves out, if anything.
#[must_use]
pub fn limit_of(name: &str) -> Option<&'static str> {
    let limits = KERNEL_LIMITS.iter().chain(FRAMEWORK_LIMITS);
    limits.into_iter().find(|(limited, _)| *limited == name).map(|&(_, limit)| limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exports;

    #[test]
    fn what_is_limited_is_provided() {
        for (name, _) in KERNEL_LIMITS {
            assert!(exports::all().any(|export| export.name() == *name), "{name} is not there");
        }
    }
}
