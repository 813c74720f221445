//! Cancellation, against a cancel-safe queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pagewise_lab_nt as nt;

use super::super::DeviceControl;
use super::{Client, READ, rig};
use crate::ke::irql;
use crate::testing::toy::code;

fn queued(id: u64) -> DeviceControl<'static> {
    DeviceControl { id, code: code::QUEUE, input: b"queued", output_length: 6 }
}

#[test]
fn what_is_queued_can_be_cancelled_and_the_rest_stays() {
    let rig = rig("cancel");
    let file = rig.open(READ);
    let client = Client::new();
    for id in 1..=3 {
        assert_eq!(client.send(&file, queued(id)).unwrap(), None);
    }
    let second = Arc::clone(&client.parked.lock().unwrap()[1]);
    second.cancel();
    let end = client.wait();
    assert_eq!((end.id, end.status, end.output.len()), (2, nt::STATUS_CANCELLED, 0));
    // Cancelling what is over does nothing.
    second.cancel();
    for id in [1, 3] {
        client.ask(&file, code::RELEASE, &[], 0);
        let end = client.wait();
        assert_eq!((end.id, end.status, &end.output[..]), (id, 0, &b"queued"[..]));
    }
    let nothing = client.ask(&file, code::RELEASE, &[], 0);
    assert_eq!(nothing.status, nt::STATUS_NO_MORE_ENTRIES);
    assert_eq!(irql::current(), irql::PASSIVE_LEVEL);
}

#[test]
fn each_request_ends_once_however_its_release_and_its_cancellation_race() {
    const ROUNDS: u64 = 200;
    let rig = rig("race");
    let file = rig.open(READ);
    let client = Client::new();
    let cancelled = AtomicUsize::new(0);
    for id in 0..ROUNDS {
        assert_eq!(client.send(&file, queued(id)).unwrap(), None);
        let request = client.parked.lock().unwrap().pop().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| request.cancel());
            scope.spawn(|| {
                let other = Client::new();
                other.ask(&file, code::RELEASE, &[], 0);
            });
        });
        let end = client.wait();
        assert_eq!(end.id, id);
        match end.status {
            0 => assert_eq!(end.output, b"queued"),
            nt::STATUS_CANCELLED => {
                cancelled.fetch_add(1, Ordering::Relaxed);
            }
            status => panic!("{status:#x}"),
        }
    }
    assert_eq!(client.ask(&file, code::RELEASE, &[], 0).status, nt::STATUS_NO_MORE_ENTRIES);
}
