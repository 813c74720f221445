//! A guest, a host, and a line between them that does its worst.

use std::time::Duration;

use pagewise_vm_plan::event::Event;
use pagewise_vm_plan::frame::{Frame, LONGEST};
use pagewise_vm_plan::journal;
use pagewise_vm_plan::receiver::{Received, Receiver};
use pagewise_vm_plan::sender::Sender;
use proptest::sample::Index;

/// What happens next.
#[derive(Clone, Debug)]
pub enum Fault {
    /// So many bytes pass, in either direction.
    Pass(u16),
    /// The guest writes a line.
    Write,
    /// So many milliseconds pass.
    Wait(u16),
    /// So many bytes are lost, in either direction.
    Lose(u16),
    /// A byte on its way changes.
    Flip(Index, u8),
    /// A part of what is on its way comes twice.
    Repeat(Index, Index),
    /// A part of what is on its way comes last.
    Reorder(Index, Index),
    /// Something else gets in between.
    Insert(Index, Vec<u8>),
    /// A lot of something else gets in between.
    Flood(u8, u16),
    /// The guest's machine goes down and comes up.
    GuestResets,
    /// The host's program ends and starts.
    HostRestarts,
    /// The faults of bytes hit the other direction from now on.
    Swap,
}

/// Who is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twin {
    /// Nobody.
    None,
    /// The host answers before it has written down, and is then gone.
    AcknowledgesTooEarly,
    /// The guest forgets its journal when it resets.
    NumbersAnew,
}

pub struct World {
    twin: Twin,
    now: Duration,
    journal: Vec<Frame>,
    /// All that ever was in the journal.
    written: Vec<String>,
    sender: Sender,
    receiver: Receiver,
    on_host: Vec<Frame>,
    to_host: Vec<u8>,
    to_guest: Vec<u8>,
    swapped: bool,
}

impl World {
    pub fn new(twin: Twin) -> Self {
        Self {
            twin,
            now: Duration::ZERO,
            journal: Vec::new(),
            written: Vec::new(),
            sender: Sender::new(1, String::new()),
            receiver: Receiver::default(),
            on_host: Vec::new(),
            to_host: Vec::new(),
            to_guest: Vec::new(),
            swapped: false,
        }
    }

    pub fn journal(&self) -> Vec<String> {
        self.written.clone()
    }

    pub fn on_host(&self) -> Vec<String> {
        self.on_host.iter().map(|frame| frame.payload.clone()).collect()
    }

    pub fn suffer(&mut self, fault: Fault) {
        match fault {
            Fault::Pass(count) => self.pass(count.into()),
            Fault::Write => self.write(),
            Fault::Wait(millis) => self.wait(millis),
            Fault::Lose(count) => {
                for line in [&mut self.to_host, &mut self.to_guest] {
                    line.drain(..line.len().min(count.into()));
                }
            }
            Fault::GuestResets => self.reset_guest(),
            Fault::HostRestarts => {
                self.receiver = Receiver::new(self.on_host.len() as u64);
                self.to_guest.clear();
            }
            Fault::Swap => self.swapped = !self.swapped,
            bytes => damage(self.line(), bytes),
        }
    }

    /// From now on all goes well, until all has arrived.
    pub fn calm_down(&mut self) {
        for _ in 0..200 {
            self.wait(1000);
            self.pass(usize::MAX);
            self.pass(usize::MAX);
        }
        let arrived = self.sender.is_drained();
        assert!(arrived || self.twin != Twin::None, "not all arrived: {:?}", self.sender);
    }

    fn line(&mut self) -> &mut Vec<u8> {
        if self.swapped { &mut self.to_guest } else { &mut self.to_host }
    }

    fn write(&mut self) {
        let text = format!("line {} ~ \u{e9}", self.written.len());
        let frame = journal::line(self.journal.len() as u64 + 1, &Event::said(text));
        self.written.push(frame.payload.clone());
        self.journal.push(frame.clone());
        self.sender.push(frame);
    }

    fn wait(&mut self, millis: u16) {
        self.now += Duration::from_millis(millis.into());
        let bytes = self.sender.poll(self.now);
        assert!(bytes.len() <= 16 * LONGEST);
        self.to_host.extend(bytes);
    }

    fn pass(&mut self, count: usize) {
        let bytes: Vec<u8> = self.to_host.drain(..self.to_host.len().min(count)).collect();
        let received = self.receiver.feed(&bytes);
        if self.twin == Twin::AcknowledgesTooEarly && received.len() > 2 {
            // It has answered, and what it was to write down is gone with it.
            self.to_guest.extend(self.receiver.answer().unwrap_or_default());
        } else {
            let lines = received.into_iter().filter_map(|received| match received {
                Received::Line(frame, _) => Some(frame),
                _ => None,
            });
            self.on_host.extend(lines);
            self.to_guest.extend(self.receiver.answer().unwrap_or_default());
        }
        let bytes: Vec<u8> = self.to_guest.drain(..self.to_guest.len().min(count)).collect();
        self.sender.feed(&bytes, self.now);
    }

    fn reset_guest(&mut self) {
        if self.twin == Twin::NumbersAnew {
            self.journal.clear();
        }
        self.to_host.truncate(self.to_host.len() / 2);
        self.to_guest.clear();
        self.sender = Sender::new(2, String::new());
        self.journal.iter().for_each(|frame| self.sender.push(frame.clone()));
    }
}

fn damage(line: &mut Vec<u8>, fault: Fault) {
    if line.is_empty() {
        return;
    }
    let part = |line: &[u8], from: Index, to: Index| {
        let (a, b) = (from.index(line.len()), to.index(line.len()));
        a.min(b)..a.max(b)
    };
    match fault {
        Fault::Flip(at, with) => {
            let at = at.index(line.len());
            line[at] ^= with;
        }
        Fault::Repeat(from, to) => line.extend_from_within(part(line, from, to)),
        Fault::Reorder(from, to) => {
            let taken: Vec<u8> = line.drain(part(line, from, to)).collect();
            line.extend(taken);
        }
        Fault::Insert(at, bytes) => {
            let at = at.index(line.len());
            line.splice(at..at, bytes);
        }
        Fault::Flood(byte, count) => line.extend(std::iter::repeat_n(byte, count.into())),
        _ => {}
    }
}
