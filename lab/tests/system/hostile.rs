//! Clients that do not keep to the protocol, ask for too much, never listen, or vanish: the machine
//! serves the others meanwhile, and nothing of the hostile ones stays behind.

mod crowds;
mod frames;
mod lengths;
mod listeners;
mod vanishing;
mod witness;

use std::os::unix::net::UnixStream;

use crate::common::{Booted, READ, open};
use pagewise_contract::{Ioctl, State};

/// The machine still answers a well-behaved client.
fn assert_alive(booted: &Booted) {
    let mut client = booted.connect();
    let handle = open(&mut client, READ);
    let end = client.ioctl(handle, Ioctl::State.code(), &[], size_of::<State>() as u32).unwrap();
    assert_eq!(end.status, 0);
}

fn raw(booted: &Booted) -> UnixStream {
    UnixStream::connect(booted.machine.socket()).unwrap()
}
