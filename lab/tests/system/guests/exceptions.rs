//! Structured exceptions: what a guest is ready for, it survives; what it is not, is bug check 0x1E
//! or what the reference is worth.

use super::{answer, boot, code, each_way, open};
use pagewise_lab_wire::{Client, Completion};

const READ: u32 = code(0x800, 0, 0);
const PROBE: u32 = code(0x801, 0, 0);
const DIVIDE: u32 = code(0x802, 0, 0);
const RAISE: u32 = code(0x803, 0, 0);
const NESTED: u32 = code(0x804, 0, 0);
const SKIP: u32 = code(0x805, 0, 0);
const UNGUARDED: u32 = code(0x806, 0, 0);

const STATUS_ACCESS_VIOLATION: u32 = 0xC000_0005;
const STATUS_DATATYPE_MISALIGNMENT: u32 = 0x8000_0002;
const STATUS_INTEGER_DIVIDE_BY_ZERO: u32 = 0xC000_0094;
const STATUS_CANCELLED: u32 = 0xC000_0120;

const NOWHERE: u64 = 0x10;
const KERNEL: u64 = 0xFFFF_8000_0000_0000;
const NOT_CANONICAL: u64 = 0x1234_5678_0000_0000;

fn ask(client: &mut Client, handle: u32, code: u32, first: u64, second: u64) -> Completion {
    let input = [first.to_le_bytes(), second.to_le_bytes()].concat();
    client.ioctl(handle, code, &input, 16).unwrap()
}

/// The answer to a request that succeeds.
fn pair(client: &mut Client, handle: u32, code: u32, first: u64, second: u64) -> (u64, u64) {
    let output = answer(ask(client, handle, code, first, second));
    let [first, second] = *output.as_chunks().0 else { panic!("{} bytes", output.len()) };
    (u64::from_le_bytes(first), u64::from_le_bytes(second))
}

#[test]
fn a_bad_address_is_an_answer() {
    each_way("guarded", |client| {
        let handle = open(client, r"\\.\Guarded");
        for address in [NOWHERE, NOT_CANONICAL] {
            // Twice: the first leaves nothing behind that the second could trip over.
            for _ in 0..2 {
                let end = ask(client, handle, READ, address, 0);
                assert_eq!(end.status, STATUS_ACCESS_VIOLATION, "{address:#x}");
            }
        }
        client.close(handle).unwrap();
    });
}

#[test]
fn a_probe_tells_bad_ranges_from_good_ones() {
    each_way("guarded", |client| {
        let handle = open(client, r"\\.\Guarded");
        let mut status = |address, length| ask(client, handle, PROBE, address, length).status;
        assert_eq!(status(KERNEL, 8), STATUS_ACCESS_VIOLATION);
        assert_eq!(status(u64::MAX - 3, 8), STATUS_ACCESS_VIOLATION, "it ends beyond the end");
        assert_eq!(status(0x1002, 8), STATUS_DATATYPE_MISALIGNMENT);
        assert_eq!(status(0x1000, 8), STATUS_ACCESS_VIOLATION, "written to, it is not there");
        assert_eq!(status(0x1000, 0), 0, "of nothing, nothing is looked at");
        client.close(handle).unwrap();
    });
}

#[test]
fn what_the_processor_refuses_is_an_exception() {
    each_way("guarded", |client| {
        let handle = open(client, r"\\.\Guarded");
        assert_eq!(pair(client, handle, DIVIDE, 42, 6), (7, 6));
        let end = ask(client, handle, DIVIDE, 42, 0);
        assert_eq!(end.status, STATUS_INTEGER_DIVIDE_BY_ZERO);
        client.close(handle).unwrap();
    });
}

#[test]
fn filters_choose_and_every_finally_block_runs_once() {
    const INSIDE: u64 = 1 << 32;
    const OUTSIDE: u64 = 2 << 32;
    const LEFT: u64 = 1 << 32;
    const ENDED: u64 = 1;
    each_way("guarded", |client| {
        let handle = open(client, r"\\.\Guarded");
        let cancelled = u64::from(STATUS_CANCELLED);
        let inside = pair(client, handle, RAISE, cancelled, cancelled);
        assert_eq!(inside, (LEFT, INSIDE | cancelled));
        let outside = pair(client, handle, RAISE, cancelled, 0);
        assert_eq!(outside, (LEFT, OUTSIDE | cancelled));
        assert_eq!(pair(client, handle, RAISE, 0, 0), (ENDED, INSIDE));
        client.close(handle).unwrap();
    });
}

#[test]
fn blocks_of_one_function_are_left_from_inside_out() {
    each_way("guarded", |client| {
        let handle = open(client, r"\\.\Guarded");
        // The store; the outermost filter; then, being left, the finally block; its except block.
        assert_eq!(pair(client, handle, NESTED, NOWHERE, 0).0, 0x1637);
        client.close(handle).unwrap();
    });
}

#[test]
fn a_filter_can_mend_and_go_on() {
    each_way("guarded", |client| {
        let handle = open(client, r"\\.\Guarded");
        assert_eq!(pair(client, handle, SKIP, NOWHERE, 0).0, 42);
        client.close(handle).unwrap();
    });
}

/// A schedule stands between a driver and what it calls, and between a fault and what follows it.
#[test]
fn exceptions_find_their_handlers_under_a_schedule() {
    for seed in ["1", "2", "3"] {
        let booted = boot("guarded", &["--processors", "1", "--seed", seed]);
        let mut client = booted.connect();
        let handle = open(&mut client, r"\\.\Guarded");
        let mut status = |code, first| ask(&mut client, handle, code, first, 8).status;
        assert_eq!(status(READ, NOWHERE), STATUS_ACCESS_VIOLATION);
        assert_eq!(status(PROBE, KERNEL), STATUS_ACCESS_VIOLATION);
        let cancelled = u64::from(STATUS_CANCELLED);
        let raised = pair(&mut client, handle, RAISE, cancelled, cancelled);
        assert_eq!(raised, (1 << 32, 1 << 32 | cancelled));
        client.close(handle).unwrap();
        drop(client);
        booted.shut_down();
    }
}

/// The twin: without `__try`, the same references end the machine.
#[test]
fn what_nobody_is_ready_for_ends_the_machine() {
    for address in [NOWHERE, NOT_CANONICAL] {
        let booted = boot("guarded", &[]);
        let mut client = booted.connect();
        let handle = open(&mut client, r"\\.\Guarded");
        let input = [address.to_le_bytes(), [0; 8]].concat();
        client.ioctl(handle, UNGUARDED, &input, 16).unwrap_err();
        drop(client);
        let report = booted.bug_check();
        assert_eq!(report.code, 0x1E, "{report:?}");
        assert_eq!(report.blamed.as_deref(), Some("guarded.sys"));
    }
}
