//! Frames that are none, or half ones.

use std::io::{Read, Write};

use super::witness::while_served;
use super::{assert_alive, raw};
use crate::common::{READ, boot, open};
use pagewise_contract::{Ioctl, State};
use pagewise_lab_wire::{Header, Kind, MAX_PAYLOAD};
use zerocopy::IntoBytes;

/// A step of a generator that need not be good, only repeatable.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn frames_that_are_none_close_the_connection_and_nothing_else() {
    let booted = boot(&[]);
    let bad = [
        Header { kind: 99, ..Header::new(Kind::Open, 1, 0, 0, 0) },
        Header::new(Kind::Reply, 1, 0, 0, 0),
        Header { length: MAX_PAYLOAD + 1, ..Header::new(Kind::Ioctl, 1, 0, 0, 0) },
        Header { length: u32::MAX, ..Header::new(Kind::Control, 1, 0, 0, 0) },
    ];
    for header in bad {
        let mut stream = raw(&booted);
        stream.write_all(header.as_bytes()).unwrap();
        let mut rest = Vec::new();
        // Either an end or a reset: it is closed.
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.is_empty(), "{header:?} was answered with {rest:?}");
    }
    assert_alive(&booted);
    booted.shut_down();
}

#[test]
fn a_client_that_vanishes_inside_a_frame_or_a_request_disturbs_nobody() {
    let booted = boot(&[]);
    while_served(&booted, || {
        for cut in 0..size_of::<Header>() {
            let mut stream = raw(&booted);
            let header = Header::new(Kind::Ioctl, 1, 1, Ioctl::State.code(), 64);
            stream.write_all(&header.as_bytes()[..cut]).unwrap();
        }
        let mut client = booted.connect();
        let handle = open(&mut client, READ);
        for _ in 0..64 {
            client.start(handle, Ioctl::State.code(), &[], size_of::<State>() as u32).unwrap();
        }
    });
    assert_alive(&booted);
    booted.shut_down();
}

#[test]
fn half_messages_that_never_go_on_hold_nobody_up() {
    let booted = boot(&[]);
    let stuck = while_served(&booted, || {
        (0..48)
            .map(|index| {
                let mut stream = raw(&booted);
                let header = Header::new(Kind::Ioctl, 1, 1, Ioctl::State.code(), 4096);
                let mut bytes = header.as_bytes().to_vec();
                bytes.resize(24 + 512, 7);
                stream.write_all(&bytes[..1 + index * 11]).unwrap();
                stream
            })
            .collect::<Vec<_>>()
    });
    // They are still there when the machine is asked to end, and do not keep it from that.
    booted.shut_down();
    drop(stuck);
}

#[test]
fn random_frames_never_bring_the_machine_down() {
    let booted = boot(&[]);
    let mut state = 0x5047_u64;
    while_served(&booted, || {
        for _ in 0..200 {
            let mut stream = raw(&booted);
            for _ in 0..8 {
                let kind = next(&mut state) as u32 % 12;
                let length = next(&mut state) as u32 % 96;
                let (a, b) = (next(&mut state) as u32 % 4, next(&mut state) as u32);
                let id = next(&mut state) % 4;
                let header = Header { kind, ..Header::new(Kind::Open, id, a, b, length) };
                let payload: Vec<u8> = (0..length).map(|_| next(&mut state) as u8).collect();
                let sent =
                    stream.write_all(header.as_bytes()).and_then(|()| stream.write_all(&payload));
                if sent.is_err() {
                    break;
                }
            }
        }
    });
    assert_alive(&booted);
    booted.shut_down();
}
