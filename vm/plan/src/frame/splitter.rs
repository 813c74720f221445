//! Frames out of a stream of bytes.

use serde::Serialize;

use super::{Frame, LONGEST, decode};

/// What was on the line and was no frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Noise {
    /// Bytes outside of frames: firmware, kernel messages, garbage.
    pub bytes: u64,
    /// Lines that begin as a frame and are none.
    pub broken: u64,
    /// The last of these bytes that were text, for people: 200 at most.
    #[serde(skip_serializing_if = "Tail::is_empty")]
    pub tail: Tail,
}

/// The last bytes of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    bytes: [u8; 200],
    used: usize,
}

impl Default for Tail {
    fn default() -> Self {
        Self { bytes: [0; 200], used: 0 }
    }
}

impl Tail {
    fn push(&mut self, byte: u8) {
        if !matches!(byte, b'\n' | b' '..=b'~') {
            return;
        }
        if self.used == self.bytes.len() {
            self.bytes.rotate_left(1);
            self.used -= 1;
        }
        self.bytes[self.used] = byte;
        self.used += 1;
    }

    fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// As text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes[..self.used]).into_owned()
    }
}

impl Serialize for Tail {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

/// Cuts a stream of bytes into frames. It keeps one line at most, and never more than
/// [`LONGEST`] bytes.
#[derive(Debug, Default)]
pub struct Splitter {
    line: Vec<u8>,
    noise: Noise,
}

impl Splitter {
    /// Takes one byte; a frame, if that ended one.
    pub fn push(&mut self, byte: u8) -> Option<Frame> {
        match byte {
            b'~' => {
                self.give_up();
                self.line.push(byte);
                None
            }
            b'\n' if !self.line.is_empty() => {
                let frame = decode(&self.line);
                match frame {
                    Some(_) => self.line.clear(),
                    None => self.give_up(),
                }
                frame
            }
            _ if self.line.is_empty() => {
                self.drop_byte(byte);
                None
            }
            _ => {
                self.line.push(byte);
                if self.line.len() >= LONGEST {
                    self.give_up();
                }
                None
            }
        }
    }

    /// What was no frame so far.
    #[must_use]
    pub fn noise(&self) -> &Noise {
        &self.noise
    }

    /// Bytes that are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.line.len()
    }

    /// The line begun is no frame.
    fn give_up(&mut self) {
        if self.line.is_empty() {
            return;
        }
        self.noise.broken += 1;
        for byte in std::mem::take(&mut self.line) {
            self.drop_byte(byte);
        }
    }

    fn drop_byte(&mut self, byte: u8) {
        self.noise.bytes += 1;
        self.noise.tail.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::encode;
    use super::*;

    fn split(bytes: &[u8]) -> (Vec<Frame>, Splitter) {
        let mut splitter = Splitter::default();
        let frames = bytes.iter().filter_map(|&byte| splitter.push(byte)).collect();
        (frames, splitter)
    }

    #[test]
    fn a_frame_behind_garbage_and_half_a_frame_is_found() {
        let frame = encode(3, "{}");
        let bytes = [b"boot...\xff~3 {} 12".as_slice(), &frame, b"junk\n", &frame].concat();
        let (frames, splitter) = split(&bytes);
        assert_eq!(frames.len(), 2);
        assert_eq!(splitter.noise().broken, 1);
        assert!(splitter.noise().tail.text().ends_with("junk\n"));
    }

    #[test]
    fn carriage_returns_of_a_terminal_do_no_harm() {
        let frame = encode(3, "{}");
        let bytes = [&frame[..frame.len() - 1], b"\r\n"].concat();
        assert_eq!(split(&bytes).0.len(), 1);
    }

    #[test]
    fn a_line_without_an_end_takes_no_memory() {
        let (frames, splitter) = split(&[b"~".as_slice(), &vec![b'x'; 1 << 20]].concat());
        assert!(frames.is_empty());
        assert!(splitter.line.capacity() <= 2 * LONGEST);
        assert_eq!(splitter.noise().bytes, (1 << 20) + 1);
    }

    proptest! {
        #[test]
        fn garbage_before_a_frame_never_hides_it(
            garbage in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let frame = encode(9, "{}");
            let (frames, _) = split(&[garbage, frame].concat());
            prop_assert_eq!(frames.last().map(|frame| frame.number), Some(9));
        }
    }
}
