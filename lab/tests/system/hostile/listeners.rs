//! Clients that ask and never listen.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use super::witness::while_served;
use super::{assert_alive, raw};
use crate::common::{Booted, boot, control};
use crate::framework;
use pagewise_contract::{INTERFACE_GUID, Ioctl, Sections};
use pagewise_lab_wire::{Control, ControlReply, Header, Kind, interface_class};
use zerocopy::IntoBytes;

/// A frame.
fn frame(kind: Kind, id: u64, a: u32, b: u32, payload: &[u8]) -> Vec<u8> {
    let header = Header::new(kind, id, a, b, payload.len() as u32);
    [header.as_bytes(), payload].concat()
}

fn opening() -> Vec<u8> {
    frame(Kind::Open, 0, 0x8000_0000, 1, &interface_class(&INTERFACE_GUID))
}

/// Sends until the socket takes no more: the machine has stopped reading.
fn flood(stream: &mut UnixStream, frames: &[u8]) {
    stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    for _ in 0..1 << 16 {
        if stream.write_all(frames).is_err() {
            return;
        }
    }
    panic!("the machine reads on, and keeps every answer");
}

fn streams(booted: &Booted, count: usize) -> Vec<UnixStream> {
    (0..count).map(|_| raw(booted)).collect()
}

#[test]
fn floods_without_a_listener_stop_at_the_client_that_floods() {
    let booted = boot(&[]);
    let room = (size_of::<Sections>() as u32).to_le_bytes();
    let asking = frame(Kind::Ioctl, 7, 1, Ioctl::Sections.code(), &room).repeat(64);
    let flooders = while_served(&booted, || {
        let mut flooders = streams(&booted, 4);
        thread::scope(|scope| {
            for stream in &mut flooders {
                scope.spawn(|| {
                    stream.write_all(&opening()).unwrap();
                    flood(stream, &asking);
                });
            }
        });
        flooders
    });
    assert_alive(&booted);
    drop(flooders);
    assert_alive(&booted);
    booted.shut_down();
}

#[test]
fn answers_that_nobody_reads_take_no_worker_of_the_machine_s() {
    /// More than the machine has workers.
    const PENDING: u64 = 1000;
    let booted = framework::boot();
    let mut client = booted.connect();
    let handle = framework::open(&mut client);
    // Its answers fill the socket; then it has many more requests end at once, and still is silent.
    let mut mute = booted.connect();
    let silent = framework::open(&mut mute);
    let pending: Vec<u64> =
        (0..PENDING).map(|_| mute.start(silent, framework::PEND, &[], 4096).unwrap()).collect();
    for _ in 0..2000 {
        mute.start(silent, 0x0022_2000 | 0xfff << 2, &[], 512).unwrap();
    }
    for id in pending {
        mute.cancel(id).unwrap();
    }
    thread::sleep(Duration::from_millis(300));
    // The end of a request that pends takes a worker, of which there would be none left.
    for _ in 0..16 {
        let id = client.start(handle, framework::PEND, &[], 16).unwrap();
        client.cancel(id).unwrap();
        assert_eq!(client.wait(id).unwrap().status, 0xC000_0120);
    }
    drop(mute);
    client.close(handle).unwrap();
    drop(client);
    booted.shut_down();
}

#[test]
fn a_silent_client_does_not_keep_the_machine_from_its_end() {
    let booted = boot(&[]);
    let mut mute = raw(&booted);
    let asking = frame(Kind::Control, 7, 0, 0, br#"{"do":"pool"}"#).repeat(16);
    while_served(&booted, || flood(&mut mute, &asking));
    let mut client = booted.connect();
    let reply = control(&mut client, &Control::Trim);
    assert!(matches!(reply, ControlReply::Moved { .. }));
    booted.shut_down();
}
