//! The framework, exercised beyond what the shipping driver uses of it: `exercise.sys`
//! (lab/wdf/exercise) checks it from inside, and here its callbacks, queues and cancellations are
//! looked at from outside.

use std::thread;
use std::time::Duration;

use crate::common::{Booted, READ_WRITE, artifacts, boot_with, control};
use pagewise_contract::Guid;
use pagewise_lab_wire::{Client, Completion, Control, ControlReply, Token, Verifier};

pub const INTERFACE: Guid = Guid {
    data1: 0x8a0c_5f1e,
    data2: 0x2f0b,
    data3: 0x4f5e,
    data4: [0x9d, 0x53, 0x65, 0x78, 0x65, 0x72, 0x63, 0x69],
};

const STATUS_CANCELLED: u32 = 0xC000_0120;
const STATUS_INVALID_DEVICE_REQUEST: u32 = 0xC000_0010;
const STATUS_INVALID_DEVICE_STATE: u32 = 0xC000_0184;
const STATUS_NO_MORE_ENTRIES: u32 = 0x8000_001A;
const STATUS_WDF_BUSY_FOR_CLIENTS: u32 = 0x8000_0011;

/// `CTL_CODE(FILE_DEVICE_UNKNOWN, function, METHOD_BUFFERED, FILE_ANY_ACCESS)`
const fn code(function: u32) -> u32 {
    0x22 << 16 | function << 2
}

const CHECKS: [(&str, u32); 12] = [
    ("objects", code(0x900)),
    ("contexts", code(0x901)),
    ("memory", code(0x902)),
    ("locks", code(0x903)),
    ("work items and DPCs", code(0x904)),
    ("timers", code(0x905)),
    ("strings", code(0x906)),
    ("registry", code(0x907)),
    ("queues", code(0x908)),
    ("requests", code(0x909)),
    ("devices", code(0x90a)),
    ("collections", code(0x90b)),
];
const TAKE_LOG: u32 = code(0x980);
pub const PEND: u32 = code(0x981);
const POP: u32 = code(0x982);
const HOLD: u32 = code(0x983);
const RELEASE: u32 = code(0x984);
const RETURN: u32 = code(0x985);
const BLOCK: u32 = code(0x986);
const UNBLOCK: u32 = code(0x987);
const MISSING: u32 = code(0x988);
const KEEP: u32 = code(0x989);
const STOP_MANUAL: u32 = code(0x98a);
const START_MANUAL: u32 = code(0x98b);
const PURGE_MANUAL: u32 = code(0x98c);
const WAITING: u32 = code(0x98d);
const PASS_ON: u32 = code(0x98e);
const ASK_BELOW: u32 = code(0x98f);

pub fn boot() -> Booted {
    boot_with(&artifacts().join("exercise.sys"), &["--force-irql", "--ddi-compliance"])
}

pub fn open(client: &mut Client) -> u32 {
    let opened = client.open(&INTERFACE, READ_WRITE, Token::Administrator).expect("an answer");
    assert_eq!(opened.status, 0, "open: NTSTATUS {:#010x}", opened.status);
    opened.handle
}

fn ask(client: &mut Client, handle: u32, code: u32) -> Completion {
    client.ioctl(handle, code, &[1, 2, 3, 4], 512).expect("an answer")
}

/// The number that a request answers with.
fn number(completion: &Completion) -> u32 {
    assert_eq!(completion.status, 0, "NTSTATUS {:#010x}", completion.status);
    u32::from_le_bytes(completion.output[..].try_into().expect("four bytes"))
}

/// What the driver was told since the last time, a letter each.
fn log(client: &mut Client, handle: u32) -> String {
    let completion = ask(client, handle, TAKE_LOG);
    assert_eq!(completion.status, 0);
    String::from_utf8(completion.output).expect("letters")
}

/// Starts a request that the driver leaves in its manual queue.
fn pend(client: &mut Client, handle: u32) -> u64 {
    client.start(handle, PEND, &[], 4).expect("a machine")
}

#[test]
fn the_driver_finds_the_framework_as_documented() {
    let booted = boot();
    let mut client = booted.connect();
    let handle = open(&mut client);
    for (what, code) in CHECKS {
        let line = number(&ask(&mut client, handle, code));
        assert_eq!(line, 0, "{what}: see lab/wdf/exercise/exercise.c:{line}");
    }
    booted.shut_down();
}

#[test]
fn a_life_without_surprises_has_the_documented_order() {
    let booted = boot();
    let mut client = booted.connect();
    let handle = open(&mut client);
    assert_eq!(log(&mut client, handle), "aP0Io");
    client.close(handle).unwrap();
    control(&mut client, &Control::Unplug { surprise: false });
    control(&mut client, &Control::Plug);
    let handle = open(&mut client);
    // Suspend, D0 exit, release; flush once the interfaces and queues are gone; cleanup; disposal.
    assert_eq!(log(&mut client, handle), "clqSxHFCdDaP0Io");
    booted.shut_down();
}

#[test]
fn surprise_removal_is_told_first() {
    let booted = boot();
    let mut client = booted.connect();
    let handle = open(&mut client);
    log(&mut client, handle);
    control(&mut client, &Control::Unplug { surprise: true });
    client.close(handle).unwrap();
    control(&mut client, &Control::Plug);
    let handle = open(&mut client);
    assert_eq!(log(&mut client, handle), "!SxHFclCdDaP0Io");
    booted.shut_down();
}

#[test]
fn a_rebalance_releases_and_prepares_and_restarts() {
    let booted = boot();
    let mut client = booted.connect();
    let handle = open(&mut client);
    log(&mut client, handle);
    control(&mut client, &Control::Rebalance);
    assert_eq!(log(&mut client, handle), "sSxHP0R");
    booted.shut_down();
}

#[test]
fn a_device_that_the_bus_fails_is_never_prepared() {
    let booted = boot();
    let mut client = booted.connect();
    let handle = open(&mut client);
    client.close(handle).unwrap();
    control(&mut client, &Control::Unplug { surprise: false });
    control(&mut client, &Control::FailStart { status: STATUS_INVALID_DEVICE_REQUEST });
    match client.control(&Control::Plug).unwrap() {
        ControlReply::Done { status } => assert_eq!(status, STATUS_INVALID_DEVICE_REQUEST),
        other => panic!("{other:?}"),
    }
    control(&mut client, &Control::Unplug { surprise: false });
    control(&mut client, &Control::FailStart { status: 0 });
    control(&mut client, &Control::Plug);
    let handle = open(&mut client);
    assert!(log(&mut client, handle).ends_with("FCdDadDaP0Io"));
    booted.shut_down();
}

#[test]
fn a_manual_queue_gives_its_requests_in_order() {
    let booted = boot();
    let mut client = booted.connect();
    let handle = open(&mut client);
    let (first, second) = (pend(&mut client, handle), pend(&mut client, handle));
    wait_until_waiting(&mut client, handle, 2);
    assert_eq!(number(&ask(&mut client, handle, RETURN)), 0, "back to the head");
    assert_eq!(number(&ask(&mut client, handle, POP)), 2);
    assert_eq!(client.wait(first).unwrap().status, 0);
    assert_eq!(number(&ask(&mut client, handle, POP)), 1);
    assert_eq!(client.wait(second).unwrap().status, 0);
    assert_eq!(ask(&mut client, handle, POP).status, STATUS_NO_MORE_ENTRIES);
    booted.shut_down();
}

/// Requests of a connection are carried out at the same time, so what was started may not have
/// arrived: this waits until the manual queue has so many.
fn wait_until_waiting(client: &mut Client, handle: u32, count: u32) {
    for _ in 0..1000 {
        if number(&ask(client, handle, WAITING)) == count {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("{count} requests did not arrive");
}

#[test]
fn a_request_that_waits_can_be_cancelled_and_the_driver_hears_of_what_it_had() {
    let booted = boot();
    let mut client = booted.connect();
    let handle = open(&mut client);
    log(&mut client, handle);
    let id = pend(&mut client, handle);
    wait_until_waiting(&mut client, handle, 1);
    client.cancel(id).unwrap();
    assert_eq!(client.wait(id).unwrap().status, STATUS_CANCELLED);
    assert_eq!(ask(&mut client, handle, POP).status, STATUS_NO_MORE_ENTRIES);
    assert_eq!(log(&mut client, handle), "K");
    booted.shut_down();
}

#[test]
fn a_request_in_the_driver_is_cancelled_by_its_callback() {
    let booted = boot();
    let mut client = booted.connect();
    let handle = open(&mut client);
    log(&mut client, handle);
    let id = client.start(handle, HOLD, &[], 4).unwrap();
    thread::sleep(Duration::from_millis(50));
    client.cancel(id).unwrap();
    assert_eq!(client.wait(id).unwrap().status, STATUS_CANCELLED);
    assert_eq!(log(&mut client, handle), "k");

    let id = client.start(handle, HOLD, &[], 4).unwrap();
    thread::sleep(Duration::from_millis(50));
    assert_eq!(number(&ask(&mut client, handle, RELEASE)), 0, "unmarked");
    assert_eq!(client.wait(id).unwrap().status, 0);
    assert_eq!(log(&mut client, handle), "");
    booted.shut_down();
}

#[test]
fn a_parallel_queue_presents_while_a_callback_waits() {
    let booted = boot();
    let mut client = booted.connect();
    let handle = open(&mut client);
    let blocked = client.start(handle, BLOCK, &[], 4).unwrap();
    // A passive queue calls the driver in the thread that sends the request: this is another one.
    let mut other = booted.connect();
    let second = open(&mut other);
    assert_eq!(number(&ask(&mut other, second, UNBLOCK)), 0);
    assert_eq!(number(&client.wait(blocked).unwrap()), 1);
    booted.shut_down();
}

#[test]
fn a_queue_that_is_stopped_keeps_and_one_that_is_purged_refuses() {
    let booted = boot();
    let mut client = booted.connect();
    let handle = open(&mut client);
    assert_eq!(number(&ask(&mut client, handle, STOP_MANUAL)), 0);
    let id = pend(&mut client, handle);
    wait_until_waiting(&mut client, handle, 1);
    assert_ne!(ask(&mut client, handle, POP).status, 0, "stopped");
    assert_eq!(number(&ask(&mut client, handle, START_MANUAL)), 0);
    assert_eq!(number(&ask(&mut client, handle, POP)), 1);
    assert_eq!(client.wait(id).unwrap().status, 0);

    let id = pend(&mut client, handle);
    wait_until_waiting(&mut client, handle, 1);
    assert_eq!(number(&ask(&mut client, handle, PURGE_MANUAL)), 0);
    assert_eq!(client.wait(id).unwrap().status, STATUS_CANCELLED);
    let refused = ask(&mut client, handle, PEND).status;
    assert_eq!(refused, STATUS_WDF_BUSY_FOR_CLIENTS);
    booted.shut_down();
}

#[test]
fn a_device_does_not_leave_while_its_driver_has_a_request() {
    let booted = boot();
    let mut client = booted.connect();
    let handle = open(&mut client);
    let second = open(&mut client);
    let kept = client.start(handle, KEEP, &[], 4).unwrap();
    thread::sleep(Duration::from_millis(50));
    let mut other = booted.connect();
    let unplug = thread::spawn(move || control(&mut other, &Control::Unplug { surprise: true }));
    thread::sleep(Duration::from_millis(200));
    assert!(!unplug.is_finished(), "held until the driver has completed what it has");
    // The driver completes it when a handle is closed.
    client.close(second).unwrap();
    assert_eq!(client.wait(kept).unwrap().status, 0);
    unplug.join().unwrap();
    client.close(handle).unwrap();
    booted.shut_down();
}

#[test]
fn a_request_goes_on_to_the_next_driver() {
    let booted = boot();
    let mut client = booted.connect();
    let handle = open(&mut client);
    // The root bus knows no control codes.
    assert_eq!(ask(&mut client, handle, PASS_ON).status, STATUS_INVALID_DEVICE_REQUEST);
    assert_eq!(number(&ask(&mut client, handle, ASK_BELOW)), STATUS_INVALID_DEVICE_REQUEST);
    booted.shut_down();
}

#[test]
fn close_cancels_what_waits() {
    let booted = boot();
    let mut client = booted.connect();
    let (handle, other) = (open(&mut client), open(&mut client));
    log(&mut client, other);
    let id = pend(&mut client, handle);
    wait_until_waiting(&mut client, other, 1);
    client.close(handle).unwrap();
    assert_eq!(client.wait(id).unwrap().status, STATUS_CANCELLED);
    // The close comes once the last reference is gone, and a request that ends holds one.
    let mut heard = log(&mut client, other);
    while heard.len() < 3 {
        thread::sleep(Duration::from_millis(1));
        heard += &log(&mut client, other);
    }
    assert_eq!(heard, "cKl");
    booted.shut_down();
}

#[test]
fn a_function_that_is_not_provided_stops_the_machine_by_name() {
    let booted = boot();
    let mut client = booted.connect();
    let handle = open(&mut client);
    client.start(handle, MISSING, &[], 4).unwrap();
    let report = booted.bug_check();
    assert_eq!(report.code, 0x10D);
    assert_eq!(report.parameters[0], 0x1_0000);
    assert_eq!(report.parameters[2], 322, "the slot of WdfUsbTargetDeviceCreate");
    let text = serde_json::to_string(&report).unwrap();
    assert!(text.contains("WdfUsbTargetDeviceCreate"), "{text}");
}

#[test]
fn nothing_of_the_framework_is_left_after_unload() {
    let booted = boot();
    let mut client = booted.connect();
    for _ in 0..3 {
        let handle = open(&mut client);
        for (what, code) in CHECKS {
            assert_eq!(number(&ask(&mut client, handle, code)), 0, "{what}");
        }
        client.close(handle).unwrap();
        control(&mut client, &Control::Unplug { surprise: false });
        control(&mut client, &Control::Unload);
        assert_eq!(control(&mut client, &Control::Pool), ControlReply::Pool { blocks: Vec::new() });
        control(&mut client, &Control::Load);
        control(&mut client, &Control::Plug);
    }
    booted.shut_down();
}

#[test]
fn a_failed_allocation_is_a_status_and_never_a_stop() {
    let booted = boot();
    let mut client = booted.connect();
    let mut refused = 0;
    control(&mut client, &Control::Unplug { surprise: false });
    for seed in 0..200 {
        let verifier = Verifier { low_resources: 12, seed, ..Verifier::default() };
        control(&mut client, &Control::Verify(verifier));
        let plugged = client.control(&Control::Plug).unwrap();
        refused += u32::from(plugged != ControlReply::Done { status: 0 });
        let opened = client.open(&INTERFACE, READ_WRITE, Token::Administrator).unwrap();
        if opened.status == 0 {
            for (_, code) in CHECKS {
                // Which of its allocations fail is chance: any answer will do.
                ask(&mut client, opened.handle, code);
            }
            client.close(opened.handle).unwrap();
        }
        control(&mut client, &Control::Verify(Verifier::default()));
        client.control(&Control::Unplug { surprise: false }).ok();
    }
    assert!(refused > 10, "allocations did fail: {refused} of 200 devices did not start");
    control(&mut client, &Control::Plug);
    let handle = open(&mut client);
    assert_eq!(number(&ask(&mut client, handle, CHECKS[0].1)), 0);
    client.close(handle).unwrap();
    control(&mut client, &Control::Unplug { surprise: false });
    control(&mut client, &Control::Unload);
    assert_eq!(control(&mut client, &Control::Pool), ControlReply::Pool { blocks: Vec::new() });
    booted.shut_down();
}

/// The status of requests to a device that is gone, for the tests that leave a handle open.
#[test]
fn a_handle_that_outlives_its_device_is_refused() {
    let booted = boot();
    let mut client = booted.connect();
    let handle = open(&mut client);
    control(&mut client, &Control::Unplug { surprise: true });
    let status = ask(&mut client, handle, POP).status;
    assert!(status == STATUS_INVALID_DEVICE_STATE || status >> 30 == 3, "{status:#010x}");
    client.close(handle).unwrap();
    booted.shut_down();
}
