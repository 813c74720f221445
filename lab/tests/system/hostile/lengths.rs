//! Lengths that are announced and not kept, and answers that nobody has room for.

use std::fs;
use std::io::Write;

use super::witness::while_served;
use super::{assert_alive, raw};
use crate::common::{Booted, READ, boot, open};
use pagewise_contract::{Ioctl, State};
use pagewise_lab_wire::{Header, Kind, MAX_PAYLOAD};
use zerocopy::IntoBytes;

const STATUS_INSUFFICIENT_RESOURCES: u32 = 0xC000_009A;

/// Bytes of memory that the machine has at present, as the host says (`statm`, second field).
fn resident(booted: &Booted) -> u64 {
    let folder = format!("/proc/{}/statm", booted.machine.id());
    let text = fs::read_to_string(folder).unwrap();
    let pages: u64 = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn announced_lengths_take_no_memory_before_they_are_kept() {
    const CLIENTS: u64 = 64;
    let booted = boot(&[]);
    let before = resident(&booted);
    let streams = while_served(&booted, || {
        (0..CLIENTS)
            .map(|_| {
                let mut stream = raw(&booted);
                let header = Header::new(Kind::Ioctl, 1, 1, Ioctl::State.code(), MAX_PAYLOAD);
                stream.write_all(header.as_bytes()).unwrap();
                stream.write_all(&[1; 64]).unwrap();
                stream
            })
            .collect::<Vec<_>>()
    });
    let grown = resident(&booted).saturating_sub(before);
    let announced = CLIENTS * u64::from(MAX_PAYLOAD);
    assert!(grown < announced / 8, "{grown} bytes for {announced} that were only announced");
    drop(streams);
    assert_alive(&booted);
    booted.shut_down();
}

#[test]
fn room_for_more_than_a_frame_holds_is_refused_and_less_is_given_back() {
    let booted = boot(&[]);
    let mut client = booted.connect();
    let handle = open(&mut client, READ);
    let before = resident(&booted);
    while_served(&booted, || {
        for room in [MAX_PAYLOAD + 1, u32::MAX] {
            let end = client.ioctl(handle, Ioctl::State.code(), &[], room).unwrap();
            assert_eq!(end.status, STATUS_INSUFFICIENT_RESOURCES, "room for {room:#x}");
        }
        let others: Vec<_> = (0..32)
            .map(|_| {
                let mut other = booted.connect();
                let handle = open(&mut other, READ);
                let end = other.ioctl(handle, Ioctl::State.code(), &[], MAX_PAYLOAD).unwrap();
                assert_eq!((end.status, end.output.len()), (0, size_of::<State>()));
                let long = vec![1; MAX_PAYLOAD as usize / 2];
                assert_ne!(other.ioctl(handle, Ioctl::State.code(), &long, 40).unwrap().status, 0);
                other
            })
            .collect();
        let grown = resident(&booted).saturating_sub(before);
        let asked = others.len() as u64 * u64::from(MAX_PAYLOAD);
        assert!(grown < asked / 2, "{grown} bytes are kept of {asked}");
    });
    booted.shut_down();
}

#[test]
fn commands_that_are_none_are_answered_with_why() {
    let booted = boot(&[]);
    let deep = vec![b'['; MAX_PAYLOAD as usize];
    let text = format!("{{\"do\":\"{}\"}}", "x".repeat(1 << 20));
    while_served(&booted, || {
        for payload in [&deep[..], text.as_bytes(), b"\xff\xfe", b"{\"do\":\"contents\"}"] {
            let (mut stream, mut scratch) = (raw(&booted), Vec::new());
            let header = Header::new(Kind::Control, 5, 0, 0, 0);
            pagewise_lab_wire::write_frame(&mut stream, &mut scratch, header, &[payload]).unwrap();
            let mut reply = Vec::new();
            let header = pagewise_lab_wire::read_frame(&mut stream, &mut reply).unwrap().unwrap();
            assert_eq!(header.id, 5);
            assert!(String::from_utf8_lossy(&reply).contains("no command"), "{reply:?}");
        }
    });
    booted.shut_down();
}
