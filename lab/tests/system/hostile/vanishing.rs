//! Clients that vanish in mid-call, and requests that nobody can tell apart.

use std::thread;
use std::time::{Duration, Instant};

use super::assert_alive;
use super::witness::while_served;
use crate::common::{Booted, READ_WRITE, boot, control, open};
use crate::framework;
use pagewise_contract::{BallastRegion, Ioctl};
use pagewise_lab_wire::{
    Client, Control, ControlReply, Header, Kind, interface_class, read_frame, write_frame,
};
use zerocopy::IntoBytes;

const STATUS_INVALID_PARAMETER: u32 = 0xC000_000D;
const STATUS_CANCELLED: u32 = 0xC000_0120;

/// Removes the device in order, which an open handle or a request under way would veto.
fn assert_nothing_left(booted: &Booted) {
    let mut client = booted.connect();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match client.control(&Control::Unplug { surprise: false }).unwrap() {
            ControlReply::Done { status: 0 } => return,
            reply => assert!(Instant::now() < deadline, "something is left: {reply:?}"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn clients_that_vanish_in_mid_call_leave_nothing_behind() {
    let booted = boot(&["--force-irql"]);
    while_served(&booted, || {
        for round in 0..150 {
            let mut client = booted.connect();
            let handle = open(&mut client, READ_WRITE);
            for region in BallastRegion::ALL.iter().cycle().take(round % 9) {
                let (code, number) = (Ioctl::BallastChecksum.code(), *region as u32);
                client.start(handle, code, number.as_bytes(), 16).unwrap();
            }
        }
    });
    assert_nothing_left(&booted);
    booted.shut_down();
}

#[test]
fn requests_that_pend_go_with_their_client() {
    let booted = framework::boot();
    for _ in 0..20 {
        let mut client = booted.connect();
        let handle = framework::open(&mut client);
        for _ in 0..32 {
            client.start(handle, framework::PEND, &[], 16).unwrap();
        }
    }
    assert_nothing_left(&booted);
    booted.shut_down();
}

#[test]
fn a_number_in_use_names_no_second_request_and_none_is_lost() {
    let booted = framework::boot();
    let mut client = booted.connect();
    let handle = framework::open(&mut client);
    let mut raw = super::raw(&booted);
    let (mut scratch, mut payload) = (Vec::new(), Vec::new());
    let class = interface_class(&framework::INTERFACE);
    let mut say = |kind, id, a, b, bytes: &[u8]| {
        write_frame(&mut raw, &mut scratch, Header::new(kind, id, a, b, 0), &[bytes]).unwrap();
    };
    say(Kind::Open, 1, READ_WRITE, 1, &class);
    // The handle of a connection's first open.
    for _ in 0..3 {
        say(Kind::Ioctl, 9, 1, framework::PEND, &16_u32.to_le_bytes());
    }
    // Answered at once, with the number of one that is under way.
    say(Kind::Ioctl, 9, 1, 0x0022_3ffc, &16_u32.to_le_bytes());
    say(Kind::Cancel, 9, 0, 0, &[]);
    let mut ends = Vec::new();
    for _ in 0..5 {
        let header = read_frame(&mut raw, &mut payload).unwrap().unwrap();
        ends.push((header.id, header.a));
    }
    assert_eq!(ends[0], (1, 0));
    assert_eq!(ends[1..4], [(9, STATUS_INVALID_PARAMETER); 3]);
    assert_eq!(ends[4], (9, STATUS_CANCELLED));
    drop(raw);
    client.close(handle).unwrap();
    drop(client);
    assert_nothing_left(&booted);
    booted.shut_down();
}

#[test]
fn handles_of_others_are_of_no_use() {
    const STATUS_INVALID_HANDLE: u32 = 0xC000_0008;
    let booted = boot(&[]);
    let mut thief: Client = booted.connect();
    while_served(&booted, || {
        for handle in (0..600).chain([u32::MAX, u32::MAX - 1, 1 << 31]) {
            let end = thief.ioctl(handle, Ioctl::State.code(), &[], 40).unwrap();
            assert_eq!(end.status, STATUS_INVALID_HANDLE, "{handle}");
            assert_eq!(thief.close(handle).unwrap(), STATUS_INVALID_HANDLE, "{handle}");
        }
    });
    assert_alive(&booted);
    control(&mut thief, &Control::Evict);
    booted.shut_down();
}
