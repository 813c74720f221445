//! What the parameters of a bug check say, a sentence each.
//!
//! The facts are those of learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x*; what
//! a page leaves open says so.

use super::names::*;
use crate::verifier::intercept;

/// What a bug check is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Subject {
    /// The address that was referenced.
    pub(super) address: Option<u64>,
    /// Who referenced it.
    pub(super) program_counter: Option<u64>,
    /// Whether the owner of the address is named, rather than the one of the program counter.
    pub(super) names_victim: bool,
}

/// See [`Subject`].
pub(super) fn subject(code: u32, [p1, p2, p3, p4]: [u64; 4]) -> Subject {
    let reference = |address, program_counter| Subject {
        address: Some(address),
        program_counter: Some(program_counter),
        names_victim: false,
    };
    match code {
        IRQL_NOT_LESS_OR_EQUAL
        | DRIVER_IRQL_NOT_LESS_OR_EQUAL
        | SYSTEM_SCAN_AT_RAISED_IRQL_CAUGHT_IMPROPER_DRIVER_UNLOAD => reference(p1, p4),
        DRIVER_PORTION_MUST_BE_NONPAGED => Subject { names_victim: true, ..reference(p1, p4) },
        PAGE_FAULT_IN_NONPAGED_AREA | DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS => {
            reference(p1, p3)
        }
        KMODE_EXCEPTION_NOT_HANDLED if p1 == ACCESS_VIOLATION => reference(p4, p2),
        KMODE_EXCEPTION_NOT_HANDLED => Subject { program_counter: Some(p2), ..Subject::default() },
        ATTEMPTED_WRITE_TO_READONLY_MEMORY | ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY => {
            Subject { address: Some(p1), ..Subject::default() }
        }
        KERNEL_DATA_INPAGE_ERROR => Subject { address: Some(p4), ..Subject::default() },
        PAGE_FAULT_IN_FREED_SPECIAL_POOL
        | PAGE_FAULT_BEYOND_END_OF_ALLOCATION
        | DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL
        | DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION => reference(p1, p3),
        DRIVER_VERIFIER_DETECTED_VIOLATION if p1 == 0xE1 => {
            Subject { address: Some(p2), ..Subject::default() }
        }
        MEMORY_MANAGEMENT | BAD_POOL_CALLER => Subject { address: Some(p2), ..Subject::default() },
        _ => Subject::default(),
    }
}

const ACCESS_VIOLATION: u64 = 0xc000_0005;

/// A sentence for each parameter that means something.
pub(super) fn meaning(code: u32, parameters: [u64; 4]) -> Vec<String> {
    let [p1, p2, p3, p4] = parameters;
    let referenced = format!("memory at {p1:#x} was referenced");
    let at_irql = format!("at IRQL {p2}{}", irql_name(p2));
    let from = |pc: u64| format!("by the instruction at {pc:#x}");
    match code {
        IRQL_NOT_LESS_OR_EQUAL => {
            vec![referenced, at_irql, format!("to be {}", kernel_access(p3)), from(p4)]
        }
        DRIVER_IRQL_NOT_LESS_OR_EQUAL => {
            vec![referenced, at_irql, format!("to be {}", access(p3)), from(p4)]
        }
        DRIVER_PORTION_MUST_BE_NONPAGED
        | SYSTEM_SCAN_AT_RAISED_IRQL_CAUGHT_IMPROPER_DRIVER_UNLOAD => {
            vec![referenced, at_irql, format!("to be {}", access(p3)), from(p4)]
        }
        DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS => {
            vec![referenced, format!("to be {}", access(p2)), from(p3)]
        }
        PAGE_FAULT_IN_NONPAGED_AREA => {
            let operation = match p2 {
                0 => "read",
                2 => "written",
                0x10 => "executed",
                _ => "used in an undocumented way",
            };
            let kind = match p4 {
                0 => "the page had been freed",
                2 => "nothing is mapped there",
                4 => "the address is not canonical",
                _ => "the kind of fault is not documented",
            };
            vec![referenced, format!("to be {operation}"), from(p3), kind.to_owned()]
        }
        PAGE_FAULT_IN_FREED_SPECIAL_POOL | DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL => vec![
            format!("memory at {p1:#x}, of a block that was freed, was referenced"),
            format!("to be {}", access(p2)),
            from(p3),
        ],
        PAGE_FAULT_BEYOND_END_OF_ALLOCATION | DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION => vec![
            format!("memory at {p1:#x}, outside a block of pool, was referenced"),
            format!("to be {}", access(p2)),
            from(p3),
        ],
        SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION => special_pool(parameters),
        ATTEMPTED_WRITE_TO_READONLY_MEMORY => {
            vec![format!("memory at {p1:#x}, which is read-only, was to be written")]
        }
        ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY => {
            vec![format!("memory at {p1:#x}, which holds no code, was to be executed")]
        }
        KERNEL_DATA_INPAGE_ERROR => vec![
            format!("lock type {p1}"),
            format!("reading the page ended with status {p2:#010x}"),
            String::new(),
            format!("memory at {p4:#x} could not be paged in"),
        ],
        KMODE_EXCEPTION_NOT_HANDLED => exception(parameters),
        UNEXPECTED_KERNEL_MODE_TRAP => vec![trap(p1)],
        MEMORY_MANAGEMENT => memory_management(parameters),
        BAD_POOL_CALLER => bad_pool_caller(parameters),
        DRIVER_VERIFIER_DETECTED_VIOLATION => verifier(parameters),
        WDF_VIOLATION => super::framework::meaning(parameters),
        DRIVER_PNP_WATCHDOG => vec![
            format!("a Plug and Play operation of {:?} did not end", service(p1)),
            String::new(),
            format!("its thread is {p3:#x}"),
            format!("it had taken {p4} ms"),
        ],
        KERNEL_SECURITY_CHECK_FAILURE => vec![format!("the code asked to fail fast, code {p1}")],
        _ => {
            (1..).zip(parameters).map(|(n, value)| format!("parameter {n} is {value:#x}")).collect()
        }
    }
}

/// The beginning of a service's name, as a parameter holds it.
fn service(characters: u64) -> String {
    let bytes = characters.to_le_bytes();
    let length = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

fn irql_name(irql: u64) -> &'static str {
    match irql {
        0 => " (PASSIVE_LEVEL)",
        1 => " (APC_LEVEL)",
        2 => " (DISPATCH_LEVEL)",
        15 => " (HIGH_LEVEL)",
        _ => "",
    }
}

fn access(number: u64) -> &'static str {
    match number {
        0 => "read",
        1 => "written",
        2 | 8 => "executed",
        _ => "used in an undocumented way",
    }
}

fn kernel_access(bits: u64) -> &'static str {
    match bits {
        _ if bits & 8 != 0 => "executed",
        _ if bits & 1 != 0 => "written",
        _ => "read",
    }
}

fn exception([status, pc, p3, p4]: [u64; 4]) -> Vec<String> {
    let what = match status {
        ACCESS_VIOLATION => "an access violation",
        0x8000_0003 => "a breakpoint",
        0xc000_001d => "an illegal instruction",
        0xc000_0094 => "a division by zero",
        0xc000_0096 => "a privileged instruction",
        _ => "an exception",
    };
    let mut meaning = vec![
        format!("{what} (status {status:#010x}) was not handled"),
        format!("it happened at {pc:#x}"),
    ];
    if status == ACCESS_VIOLATION {
        meaning.extend([format!("memory was to be {}", access(p3)), format!("at {p4:#x}")]);
    }
    meaning
}

fn trap(number: u64) -> String {
    match number {
        8 => "a double fault (trap 8): most often the stack is used up".to_owned(),
        _ => format!("trap {number} was not expected"),
    }
}

fn memory_management([subcode, p2, p3, _]: [u64; 4]) -> Vec<String> {
    match subcode {
        0x1010 => vec![
            "a pageable section was unlocked that holds no lock: never locked, or unlocked twice"
                .to_owned(),
            format!("the section handle is {p2:#x}"),
        ],
        0x1234 => vec![
            "a pageable section was locked that does not exist".to_owned(),
            format!("the address or the section handle is {p2:#x}"),
            format!("in the image at {p3:#x}"),
        ],
        _ => vec![format!("the memory manager found fault {subcode:#x}")],
    }
}

fn bad_pool_caller([subcode, p2, p3, p4]: [u64; 4]) -> Vec<String> {
    match subcode {
        0x7 => vec![
            "pool was freed that was free already".to_owned(),
            String::new(),
            format!("the block's tag and size were {p3:#x}"),
            format!("the block is at {p4:#x}"),
        ],
        0x8 => vec![
            format!("pool was allocated or freed at IRQL {p2}, which the pool's type forbids"),
            format!("the IRQL is {p2}"),
            format!("the pool type is {p3}"),
            format!("{p4} bytes"),
        ],
        0xA => vec![
            "pool was freed by another tag than it was allocated with".to_owned(),
            format!("the block is at {p2:#x}"),
            format!("its tag is {:?}", crate::mm::pool::tag_name(p3 as u32)),
            format!("the tag given is {:?}", crate::mm::pool::tag_name(p4 as u32)),
        ],
        0x46 => vec![
            "an address was freed that is no block of pool".to_owned(),
            format!("it is {p2:#x}"),
        ],
        _ => vec![format!("the pool's caller did {subcode:#x}")],
    }
}

fn special_pool([p1, p2, p3, kind]: [u64; 4]) -> Vec<String> {
    let freed = format!("the block at {p1:#x} was to be freed");
    match kind {
        0x21 => vec![
            format!("{p1:#x} was to be freed, which is inside a block"),
            format!("the block was asked for with {p2} bytes"),
            format!("and has {p3}"),
        ],
        0x23 | 0x32 => vec![
            freed,
            format!("but {p2:#x}, in the same page, was written"),
            String::new(),
            if kind == 0x32 { "a single bit has changed".into() } else { String::new() },
        ],
        0x24 => vec![freed, format!("but {p2:#x}, beyond its end, was written")],
        _ => vec![format!("special pool found fault {kind:#x}")],
    }
}

fn verifier([rule, p2, p3, p4]: [u64; 4]) -> Vec<String> {
    match rule {
        0x00 => vec![
            "a block of no bytes was allocated".to_owned(),
            format!("at IRQL {p2}{}", irql_name(p2)),
            format!("the pool type is {p3}"),
        ],
        0x01 | 0x02 | 0x11 | 0x12 => vec![
            format!(
                "{} pool was {} at an IRQL that its type forbids",
                if rule & 1 == 1 { "paged" } else { "nonpaged" },
                if rule < 0x10 { "allocated" } else { "freed" },
            ),
            format!("at IRQL {p2}{}", irql_name(p2)),
            format!("the pool type is {p3}"),
            if rule < 0x10 { format!("{p4} bytes") } else { format!("the block is at {p4:#x}") },
        ],
        0x10 => vec![
            "an address was freed that is no block of pool".to_owned(),
            format!("it is {p2:#x}"),
        ],
        0x13 => vec![
            "pool was freed that was free already".to_owned(),
            String::new(),
            format!("the block is at {p3:#x}"),
            format!("its tag and size were {p4:#x}"),
        ],
        0x30 | 0x31 => vec![
            format!(
                "the IRQL was to be {} to one that is not {} than the present one",
                if rule == 0x30 { "raised" } else { "lowered" },
                if rule == 0x30 { "higher" } else { "lower" },
            ),
            format!("from IRQL {p2}{}", irql_name(p2)),
            format!("to IRQL {p3}{}", irql_name(p3)),
        ],
        0x62 => vec![
            "a driver was unloaded that had not freed all its pool".to_owned(),
            String::new(),
            String::new(),
            format!("{p4} blocks are left"),
        ],
        0x1000 => vec![
            "a thread takes a lock that it holds already, and would wait for itself".to_owned(),
            format!("the lock is {p2:#x}"),
        ],
        0x1001 => vec![
            "locks are taken in an order that can deadlock".to_owned(),
            format!("the lock that closes the circle is {p2:#x}"),
        ],
        0xE5 => vec![
            "a routine was called at an IRQL that its page forbids".to_owned(),
            format!("at IRQL {p2}{}", irql_name(p2)),
            intercept::text_at(p3).unwrap_or_default(),
        ],
        0xE1 => vec![
            "a synchronisation object is in pageable memory".to_owned(),
            format!("it is at {p2:#x}"),
        ],
        0x2_0001..=0x2_FFFF => vec![
            format!("a routine was called at an IRQL that its page forbids (rule {rule:#x})"),
            intercept::text_at(p2).unwrap_or_default(),
        ],
        _ => vec![
            format!("rule {rule:#x} was violated; the page of bug check 0xC4 describes it"),
            format!("parameter 2 is {p2:#x}"),
            format!("parameter 3 is {p3:#x}"),
            format!("parameter 4 is {p4:#x}"),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_stand_in_the_sentences() {
        let meaning = meaning(0xd1, [0x1234_5000, 2, 8, 0x1234_5000]);
        assert_eq!(meaning[0], "memory at 0x12345000 was referenced");
        assert_eq!(meaning[1], "at IRQL 2 (DISPATCH_LEVEL)");
        assert_eq!(meaning[2], "to be executed");
        assert_eq!(meaning[3], "by the instruction at 0x12345000");
    }

    #[test]
    fn a_bug_check_says_whom_it_is_about() {
        let framework = subject(0xd1, [1, 2, 0, 4]);
        assert_eq!((framework.address, framework.program_counter), (Some(1), Some(4)));
        assert!(!framework.names_victim);
        assert!(subject(0xd3, [1, 2, 0, 4]).names_victim);
        assert_eq!(subject(0x50, [1, 2, 3, 0]).program_counter, Some(3));
        assert_eq!(subject(0x44, [1, 2, 3, 4]), Subject::default());
    }

    #[test]
    fn an_unknown_code_is_told_by_its_numbers() {
        let meaning = meaning(0xdead, [1, 2, 3, 4]);
        assert_eq!(meaning[3], "parameter 4 is 0x4");
    }
}
