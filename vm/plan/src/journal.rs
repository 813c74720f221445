//! The guest's memory: a file of frames, numbered from 1. They go over the line as they are.
//!
//! A line is on the disk before anything acts on it. A machine that goes down while it is written
//! leaves a torn one at the end, and nothing acted on that: it is cut off.

use crate::event::Event;
use crate::frame::{self, Frame};

/// Name of the file in `out`.
pub const FILE: &str = "journal.log";

/// A journal, as it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// The lines, the first with the number 1.
    pub frames: Vec<Frame>,
    /// Bytes of the file that are whole. What is behind them has to be cut off before more is
    /// written.
    pub whole: usize,
}

/// A line in the middle is broken, so that nobody knows what has already been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal is damaged after line {whole}: whole lines follow a broken one")]
pub struct Damaged {
    /// The last line before the damage.
    pub whole: u64,
}

impl Journal {
    /// Reads the file's bytes; none is an empty journal.
    ///
    /// # Errors
    /// [`Damaged`] where more is broken than the end.
    pub fn read(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut journal = Self::default();
        let mut rest = bytes;
        while let Some((line, behind)) = first_line(rest) {
            let expected = journal.last() + 1;
            match frame::decode(line) {
                Some(frame) if frame.number == expected => journal.frames.push(frame),
                _ => break,
            }
            rest = behind;
        }
        journal.whole = bytes.len() - rest.len();
        let whole_line = |line: &[u8]| frame::decode(line).is_some_and(|frame| frame.number > 0);
        if rest.split(|&byte| byte == b'\n').skip(1).any(whole_line) {
            return Err(Damaged { whole: journal.last() });
        }
        Ok(journal)
    }

    /// Number of the last line; 0 where there is none.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.frames.len() as u64
    }

    /// What the lines say.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        self.frames.iter().map(event)
    }
}

/// What a line says; [`Event::Unknown`] for what this version does not know.
#[must_use]
pub fn event(frame: &Frame) -> Event {
    serde_json::from_str(&frame.payload).unwrap_or(Event::Unknown)
}

/// An event as a line.
#[must_use]
pub fn line(number: u64, event: &Event) -> Frame {
    Frame { number, payload: frame::payload(event) }
}

impl Frame {
    /// Its bytes in the journal and on the line.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        frame::encode(self.number, &self.payload)
    }
}

fn first_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(lines: u64) -> Vec<u8> {
        (1..=lines).flat_map(|number| line(number, &Event::said("x")).bytes()).collect()
    }

    proptest! {
        /// Wherever the machine goes down.
        #[test]
        fn a_torn_end_costs_that_line_alone(lines in 0u64..6, cut: prop::sample::Index) {
            let bytes = file(lines);
            let cut = cut.index(bytes.len() + 1);
            let journal = Journal::read(&bytes[..cut]).unwrap();
            let whole = bytes[..cut].iter().filter(|&&byte| byte == b'\n').count();
            prop_assert_eq!(journal.frames.len(), whole);
            prop_assert_eq!(file(journal.last()), bytes[..journal.whole].to_vec());
        }

        #[test]
        fn no_file_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Journal::read(&bytes);
        }
    }

    #[test]
    fn a_torn_end_of_zeros_is_cut_off() {
        let bytes = [file(2), vec![0; 600], b"\n".to_vec()].concat();
        assert_eq!(Journal::read(&bytes).unwrap().last(), 2);
    }

    #[test]
    fn damage_in_the_middle_is_told() {
        let mut bytes = file(4);
        let second = file(1).len() + 5;
        bytes[second] ^= 1;
        assert_eq!(Journal::read(&bytes), Err(Damaged { whole: 1 }));
        let missing = [file(1), file(3)[file(2).len()..].to_vec(), file(4)].concat();
        assert!(Journal::read(&missing).is_err());
    }
}
