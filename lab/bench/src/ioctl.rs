//! An IOCTL round trip: `STATE`, from a client process through the machine's socket, the IRP, the
//! framework's queue and the driver's handler, and back.

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use pagewise_contract::{INTERFACE_GUID, Ioctl, State};
use pagewise_lab_wire::{Client, Header, Launch, Token};

use crate::echo::PingPong;
use crate::sample::{self, Paired};

/// `GENERIC_READ | GENERIC_WRITE`
pub const READ_WRITE: u32 = 0xC000_0000;

const TRIPS: u32 = 2_000;

/// Measures both in turn.
pub fn against_socket(artifacts: &Path, rounds: usize) -> Result<Paired> {
    let folder = tempfile::tempdir()?;
    let machine = Launch::from_artifacts(artifacts).start(folder.path())?;
    let mut client = machine.connect()?;
    let handle = open(&mut client)?;
    let request = size_of::<Header>() + size_of::<u32>();
    let mut ping_pong =
        PingPong::start(folder.path(), request, size_of::<Header>() + size_of::<State>())?;
    let paired = sample::in_turn(
        rounds,
        || round_trip_ns(&mut client, handle),
        || ping_pong.round_trip_ns(TRIPS),
    )?;
    machine.shut_down()?;
    Ok(paired)
}

/// A handle to the driver's device.
pub fn open(client: &mut Client) -> Result<u32> {
    let opened = client.open(&INTERFACE_GUID, READ_WRITE, Token::Administrator)?;
    ensure!(opened.status == 0, "the device cannot be opened: NTSTATUS {:#010x}", opened.status);
    Ok(opened.handle)
}

fn round_trip_ns(client: &mut Client, handle: u32) -> Result<f64> {
    let start = Instant::now();
    for _ in 0..TRIPS {
        let end = client.ioctl(handle, Ioctl::State.code(), &[], size_of::<State>() as u32)?;
        ensure!(end.status == 0, "STATE failed: NTSTATUS {:#010x}", end.status);
    }
    Ok(start.elapsed().as_nanos() as f64 / f64::from(TRIPS))
}
