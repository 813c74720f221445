//! One client of the soak.

use std::sync::atomic::Ordering;

use pagewise_contract::{INTERFACE_GUID, Ioctl};
use pagewise_lab_wire::{Client, Machine, Token};
use test_app::status::NtStatus;
use zerocopy::FromBytes;

use super::judge::{Judge, SEEDS};
use super::{Progress, Tally};
use crate::ioctl::step::{Request, Step, Steps};

/// `GENERIC_READ`
const READ: u32 = 0x8000_0000;
/// `GENERIC_READ | GENERIC_WRITE`
pub const READ_WRITE: u32 = 0xc000_0000;

/// Requests that a client has under way at a time.
const WINDOW: usize = 16;

/// One in so many rounds of requests may lock.
const LOCKS: u64 = 16;

/// Connects, and opens the device.
pub fn connect(machine: &Machine, access: u32) -> Result<(Client, u32), String> {
    let mut client = machine.connect().map_err(|error| error.to_string())?;
    let handle = open(&mut client, access)?;
    Ok((client, handle))
}

fn open(client: &mut Client, access: u32) -> Result<u32, String> {
    let opened = client.open(&INTERFACE_GUID, access, Token::Administrator);
    let opened = opened.map_err(|error| error.to_string())?;
    match opened.status {
        0 => Ok(opened.handle),
        status => Err(format!("open: NTSTATUS {status:#010x}")),
    }
}

/// A request that must be accepted and whose answer is one structure.
pub fn ask<T: FromBytes>(
    client: &mut Client,
    handle: u32,
    ioctl: Ioctl,
    input: &[u8],
) -> Result<T, String> {
    let end = client
        .ioctl(handle, ioctl.code(), input, size_of::<T>() as u32)
        .map_err(|error| format!("{}: {error}", ioctl.name()))?;
    if end.status != 0 {
        return Err(format!("{}: NTSTATUS {:#010x}", ioctl.name(), end.status));
    }
    T::read_from_bytes(&end.output).map_err(|_| format!("{}: wrong length", ioctl.name()))
}

/// See the module.
pub struct Asker<'a> {
    client: Client,
    writer: u32,
    reader: u32,
    judge: &'a Judge,
    state: u64,
    under_way: Vec<(u64, Request)>,
    tally: Tally,
}

impl<'a> Asker<'a> {
    /// Connects.
    pub fn new(machine: &Machine, judge: &'a Judge, seed: u64) -> Result<Self, String> {
        let (mut client, writer) = connect(machine, READ_WRITE)?;
        let reader = open(&mut client, READ)?;
        // The generator has one bad state.
        let state = seed.max(1);
        let under_way = Vec::with_capacity(WINDOW);
        Ok(Self { client, writer, reader, judge, state, under_way, tally: Tally::default() })
    }

    /// Asks until `requests` are answered.
    pub fn ask(mut self, requests: u64, progress: &Progress) -> Result<Tally, String> {
        let mut bytes = [0; 512];
        while self.tally.requests < requests && !progress.stop.load(Ordering::Relaxed) {
            self.fill(&mut bytes);
            let before = self.tally.requests;
            self.steps(&bytes, requests).inspect_err(|_| {
                progress.stop.store(true, Ordering::Relaxed);
            })?;
            progress.answered.fetch_add(self.tally.requests - before, Ordering::Relaxed);
        }
        Ok(self.tally)
    }

    fn steps(&mut self, bytes: &[u8], requests: u64) -> Result<(), String> {
        for step in Steps::new(bytes, self.judge.pages(), self.judge.sections()) {
            if self.tally.requests + self.under_way.len() as u64 == requests {
                break;
            }
            match step {
                Step::Request(request) => self.start(request)?,
                Step::Reopen => {
                    self.drain()?;
                    let closed = self.client.close(self.reader);
                    closed.map_err(|error| format!("close: {error}"))?;
                    self.reader = open(&mut self.client, READ)?;
                }
                // Others see to that, all the time.
                Step::Trim | Step::Evict | Step::ForceIrql(_) => {}
            }
            if self.under_way.len() == WINDOW {
                self.drain()?;
            }
        }
        self.drain()
    }

    fn start(&mut self, mut request: Request) -> Result<(), String> {
        if request.code == Ioctl::BallastFill.code() {
            let seed = u64::from(request.bytes[8]) % SEEDS;
            request.bytes[8..16].copy_from_slice(&seed.to_le_bytes());
        }
        // As many locks as unlocks would soon hold every section in memory for good, and the image
        // could be paged entire no more.
        if request.code == Ioctl::Lock.code() && !self.state.is_multiple_of(LOCKS) {
            request.code = Ioctl::Unlock.code();
        }
        let handle = if request.read_only { self.reader } else { self.writer };
        let id = self.client.start(handle, request.code, request.input(), request.room);
        self.under_way.push((id.map_err(|error| error.to_string())?, request));
        Ok(())
    }

    /// Waits for all that is under way.
    fn drain(&mut self) -> Result<(), String> {
        for (id, request) in self.under_way.drain(..) {
            let end = self.client.wait(id).map_err(|error| error.to_string())?;
            self.judge.check(&request, NtStatus(end.status), &end.output, &mut self.tally)?;
        }
        Ok(())
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for word in bytes.chunks_exact_mut(8) {
            // xorshift64: it need not be good, only repeatable.
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            word.copy_from_slice(&self.state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
        }
    }
}
