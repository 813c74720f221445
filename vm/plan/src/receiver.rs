//! The host's end of the line.

use crate::control::{Alive, Control, Hello};
use crate::event::Event;
use crate::frame::{Frame, Noise, Splitter};
use crate::journal;

/// Puts a journal together again, each line once and in order, out of whatever comes.
#[derive(Debug, Default)]
pub struct Receiver {
    splitter: Splitter,
    have: u64,
    /// Whether the guest has to be told what is there.
    answer: bool,
    repeated: u64,
    early: u64,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// The next line of the journal.
    Line(Frame, Event),
    /// The guest is there, for the first time or again.
    Hello(Hello),
    /// The guest is there, and its journal is shorter than what came before: it lost its disk, or is
    /// another run. The lines it sends now are none of this run.
    Rewound {
        /// What it said.
        hello: Hello,
        /// The last line that had come.
        have: u64,
    },
    /// The guest lives.
    Alive(Alive),
    /// The guest does not begin, for this reason.
    Refused(String),
}

/// What came beside the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Traffic {
    /// What was no frame.
    pub noise: Noise,
    /// Lines that came again.
    pub repeated: u64,
    /// Lines that came before those they follow.
    pub early: u64,
}

impl Receiver {
    /// For a run of which the host already has lines; 0 for a new one.
    #[must_use]
    pub fn new(have: u64) -> Self {
        Self { have, ..Self::default() }
    }

    /// Takes what came from the guest. It keeps no more than one unfinished line.
    ///
    /// Lines are to be written down before [`Receiver::answer`] is sent.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Received> {
        let mut received = Vec::new();
        for &byte in bytes {
            let broken = self.splitter.noise().broken;
            let frame = self.splitter.push(byte);
            self.answer |= self.splitter.noise().broken != broken;
            received.extend(frame.and_then(|frame| self.take(frame)));
        }
        received
    }

    /// What to send to the guest, if anything: one acknowledgement for all that came since the last.
    pub fn answer(&mut self) -> Option<Vec<u8>> {
        std::mem::take(&mut self.answer).then(|| Control::Ack(self.have).frame())
    }

    /// The last line of the journal that came.
    #[must_use]
    pub fn have(&self) -> u64 {
        self.have
    }

    /// What came beside the journal.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        Traffic { noise: *self.splitter.noise(), repeated: self.repeated, early: self.early }
    }

    fn take(&mut self, frame: Frame) -> Option<Received> {
        if frame.number == 0 {
            return self.control(&frame);
        }
        self.answer = true;
        if frame.number <= self.have {
            self.repeated += 1;
            return None;
        }
        if frame.number > self.have + 1 {
            self.early += 1;
            return None;
        }
        self.have = frame.number;
        let event = journal::event(&frame);
        Some(Received::Line(frame, event))
    }

    fn control(&mut self, frame: &Frame) -> Option<Received> {
        match serde_json::from_str(&frame.payload).ok()? {
            // An echo of the host's own.
            Control::Ack(_) => None,
            Control::Alive(alive) => Some(Received::Alive(alive)),
            Control::Refused { what } => Some(Received::Refused(what)),
            Control::Hello(hello) if hello.last < self.have => {
                Some(Received::Rewound { hello, have: self.have })
            }
            Control::Hello(hello) => {
                self.answer = true;
                Some(Received::Hello(hello))
            }
        }
    }
}
