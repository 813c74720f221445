//! Requests are noted for reports: each once, from its sending to its end.

use pagewise_lab_nt as nt;
use pagewise_lab_wire::Request;

use super::super::DeviceControl;
use super::{Client, READ, rig};
use crate::testing::child::{survives, test_path};
use crate::testing::toy::code;
use crate::trail::requests;

/// Those with a control code.
fn noted(code: u32) -> Vec<Request> {
    let all = requests::last(|_| None).into_iter();
    all.filter(|request| request.control.is_some_and(|control| control.code == code)).collect()
}

#[test]
fn a_request_is_noted_once_with_its_lengths_and_its_end() {
    survives(test_path!(), || {
        let rig = rig("noted");
        let file = rig.open(READ);
        let client = Client::new();
        client.ask(&file, code::REVERSE, b"abc", 8);
        client.ask(&file, code::FAIL, &[], 16);
        let [reversed] = &noted(code::REVERSE)[..] else { panic!("once") };
        let outcome = reversed.outcome.expect("it is complete");
        assert_eq!((reversed.input, reversed.output), (3, 8));
        assert_eq!((outcome.status, outcome.information), (0, 3));
        assert_eq!((reversed.client, reversed.file != 0), (None, true));
        let [failed] = &noted(code::FAIL)[..] else { panic!("once") };
        let status = failed.outcome.expect("it is complete").status;
        assert_eq!(status, nt::STATUS_UNSUCCESSFUL.cast_unsigned());
        assert!(failed.number > reversed.number);
        // The driver of the device was started by a request that its bus saw, too: one.
        let all = requests::last(|_| None);
        let starts = all.iter().filter(|it| it.function == "IRP_MN_START_DEVICE");
        assert_eq!(starts.count(), 1, "{all:#?}");
        assert!(all.iter().all(|it| it.outcome.is_some()), "none is left in progress: {all:#?}");
    });
}

#[test]
fn a_request_that_pends_is_in_progress_until_it_is_complete() {
    survives(test_path!(), || {
        let rig = rig("pending");
        let file = rig.open(READ);
        let client = Client::new();
        let queued = DeviceControl { id: 1, code: code::QUEUE, input: &[], output_length: 0 };
        assert!(client.send(&file, queued).unwrap().is_none());
        let [request] = &noted(code::QUEUE)[..] else { panic!("once") };
        assert_eq!(request.outcome, None);
        client.ask(&file, code::RELEASE, &[], 0);
        client.wait();
        let [request] = &noted(code::QUEUE)[..] else { panic!("once") };
        assert_eq!(request.outcome.map(|outcome| outcome.status), Some(0));
    });
}
