//! More clients, and more handles, than anybody needs.

use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use super::witness::while_served;
use super::{assert_alive, raw};
use crate::common::{READ, boot, open};
use pagewise_contract::INTERFACE_GUID;
use pagewise_lab_wire::Token;

const STATUS_INSUFFICIENT_RESOURCES: u32 = 0xC000_009A;

#[test]
fn a_crowd_is_turned_away_and_those_inside_are_served() {
    let booted = boot(&[]);
    let crowd = while_served(&booted, || {
        let crowd: Vec<_> = (0..400).map(|_| raw(&booted)).collect();
        let mut last = crowd[crowd.len() - 1].try_clone().unwrap();
        last.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert_eq!(last.read(&mut [0]).unwrap(), 0, "one too many is hung up on");
        crowd
    });
    drop(crowd);
    // There is room again once those that left are gone.
    let deadline = Instant::now() + Duration::from_secs(10);
    while booted.connect().open(&INTERFACE_GUID, READ, Token::System).is_err() {
        assert!(Instant::now() < deadline, "nobody is let in any more");
        thread::sleep(Duration::from_millis(10));
    }
    assert_alive(&booted);
    booted.shut_down();
}

#[test]
fn clients_that_come_and_go_leave_room() {
    let booted = boot(&[]);
    while_served(&booted, || {
        for _ in 0..1500 {
            drop(raw(&booted));
        }
    });
    assert_alive(&booted);
    booted.shut_down();
}

#[test]
fn a_hoard_of_handles_has_an_end() {
    let booted = boot(&[]);
    while_served(&booted, || {
        let mut hoarder = booted.connect();
        let refused = (0..10_000).find_map(|count| {
            let opened = hoarder.open(&INTERFACE_GUID, READ, Token::System).unwrap();
            (opened.status != 0).then_some((count, opened.status))
        });
        assert_eq!(refused, Some((4096, STATUS_INSUFFICIENT_RESOURCES)));
        // What is closed makes room.
        assert_eq!(hoarder.close(17).unwrap(), 0);
        assert_eq!(open(&mut hoarder, READ), 17);
    });
    assert_alive(&booted);
    booted.shut_down();
}
