//! Device control requests: buffers, status, access, and what I/O verification catches.

use pagewise_lab_nt as nt;
use pagewise_lab_wire::Token;

use super::super::{DeviceControl, OpenFile};
use super::{Client, READ, READ_WRITE, rig};
use crate::testing::child::{bug_check_of, survives, test_path};
use crate::testing::toy::code;

#[test]
fn every_transfer_type_carries_input_and_output() {
    let rig = rig("transfer");
    let file = rig.open(READ);
    let client = Client::new();
    for code in [code::REVERSE, code::REVERSE_DIRECT, code::REVERSE_NEITHER] {
        let end = client.ask(&file, code, b"abc", 8);
        assert_eq!((end.status, end.information), (0, 3), "{code:#x}");
        assert_eq!(end.output, b"cba", "{code:#x}");
    }
    let end = client.ask(&file, code::REVERSE, b"abc", 2);
    assert_eq!((end.status, end.output.len()), (nt::STATUS_BUFFER_TOO_SMALL, 0));
    let end = client.ask(&file, 0x0022_2000, &[], 0);
    assert_eq!(end.status, nt::STATUS_INVALID_DEVICE_REQUEST);
    file.cleanup();
}

#[test]
fn a_warning_carries_output_and_an_error_does_not() {
    let rig = rig("warning");
    let file = rig.open(READ);
    let client = Client::new();
    let end = client.ask(&file, code::WARN, &[], 16);
    assert_eq!((end.status, end.information), (nt::STATUS_BUFFER_OVERFLOW, 4));
    assert_eq!(end.output, b"four");
    let end = client.ask(&file, code::FAIL, &[], 16);
    assert_eq!((end.status, end.information), (nt::STATUS_UNSUCCESSFUL, 0));
    assert_eq!(end.output, b"");
}

#[test]
fn a_driver_that_claims_too_much_cannot_leak_memory() {
    let rig = rig("boast");
    let file = rig.open(READ);
    let end = Client::new().ask(&file, code::BOAST, b"in", 6);
    assert_eq!((end.status, end.information, end.output.len()), (0, 1 << 20, 6));
    assert_eq!(&end.output[..2], b"in");
    assert_eq!(end.output[2..], [0xA5; 4], "what no driver wrote is poison, not old data");
}

#[test]
fn a_handle_does_only_what_it_was_opened_for() {
    let rig = rig("access");
    let client = Client::new();
    let control = DeviceControl { id: 1, code: code::NEEDS_WRITE, input: &[], output_length: 0 };
    let reader = rig.open(READ);
    rig.toy.take_log();
    assert_eq!(client.send(&reader, control).unwrap_err(), nt::STATUS_ACCESS_DENIED);
    assert_eq!(rig.toy.take_log(), [], "no driver saw the request");
    let writer = rig.open(READ_WRITE);
    assert_eq!(client.send(&writer, control).unwrap().unwrap().status, 0);
}

#[test]
fn opens_are_judged_by_the_devices_descriptor() {
    let rig = rig("judged");
    let sddl = "D:P(A;;GA;;;SY)(A;;GR;;;BA)";
    rig.device.set_security(crate::se::Descriptor::from_sddl(sddl).unwrap().into());
    let open = |access, token| OpenFile::open(rig.device, access, token).map(drop);
    assert_eq!(open(READ, Token::Administrator), Ok(()));
    assert_eq!(open(READ_WRITE, Token::Administrator), Err(nt::STATUS_ACCESS_DENIED));
    assert_eq!(open(READ_WRITE, Token::System), Ok(()));
    assert_eq!(open(READ, Token::User), Err(nt::STATUS_ACCESS_DENIED));
}

#[test]
fn cleanup_comes_with_the_handle_and_close_with_the_last_reference() {
    let rig = rig("closing");
    let file = rig.open(READ);
    let client = Client::new();
    let control = DeviceControl { id: 3, code: code::QUEUE, input: b"x", output_length: 1 };
    assert_eq!(client.send(&file, control).unwrap(), None);
    rig.toy.take_log();
    file.cleanup();
    drop(file);
    assert_eq!(rig.toy.take_log(), [(nt::IRP_MJ_CLEANUP, 0)]);
    assert_eq!(rig.device.reference_count(), 1);
    let other = rig.open(READ);
    client.ask(&other, code::RELEASE, &[], 0);
    assert_eq!(client.wait().output, b"x");
    client.parked.lock().unwrap().clear();
    // The last reference goes in a worker: a driver is never called from within another's call.
    let closed = std::time::Instant::now();
    while rig.device.reference_count() != 1 && closed.elapsed().as_secs() < 10 {
        std::thread::yield_now();
    }
    assert!(rig.toy.take_log().contains(&(nt::IRP_MJ_CLOSE, 0)));
}

fn ask_for(name: &'static str, code: u32) {
    let rig = rig(name);
    let file = rig.open(READ);
    Client::new().ask(&file, code, b"abcd", 4);
}

#[test]
fn a_request_completed_twice_is_a_bug_check() {
    let report = bug_check_of(test_path!(), || ask_for("twice", code::TWICE));
    assert_eq!(report.code, 0x44);
    assert_ne!(report.parameters[0], 0);
}

#[test]
fn a_request_forgotten_is_a_bug_check() {
    let report = bug_check_of(test_path!(), || ask_for("forget", code::FORGET));
    assert_eq!((report.code, report.parameters[0]), (0xC9, 0x226));
}

#[test]
fn a_status_that_is_not_the_requests_is_a_bug_check() {
    let report = bug_check_of(test_path!(), || ask_for("mismatch", code::MISMATCH));
    assert_eq!((report.code, report.parameters[0]), (0xC9, 0x224));
    assert_eq!(report.parameters[3], 0xC000_0001);
}

#[test]
fn a_request_done_right_is_none() {
    survives(test_path!(), || ask_for("right", code::REVERSE));
}
