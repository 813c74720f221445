//! One frame a line: `~<number> <payload> <crc32>`, in ASCII.
//!
//! The checksum is CRC-32 (ISO-HDLC) of `<number> <payload>`, in eight lower-case hexadecimal digits.
//! A `~` begins a frame wherever it stands, since payloads escape it: a frame behind garbage is
//! found.

mod splitter;

use serde::Serialize;

pub use splitter::{Noise, Splitter};

/// Bytes of the longest frame, with its line feed.
pub const LONGEST: usize = 4096;
/// Bytes of the longest payload: beside it are `~`, 20 digits, two spaces, 8 digits, a line feed.
pub const LONGEST_PAYLOAD: usize = LONGEST - 32;

/// A frame that came whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The line of the journal, or 0.
    pub number: u64,
    /// The JSON.
    pub payload: String,
}

/// Something as the payload of a frame: JSON in one line, with what is not ASCII, and `~`, escaped.
///
/// What cannot be JSON, or is too long, becomes a remark that says so: callers clip their texts, so
/// that this does not happen.
#[must_use]
pub fn payload(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        // Beyond ASCII, and DEL, JSON may have inside of strings only.
        if matches!(letter, ' '..='}') {
            text.push(letter);
            continue;
        }
        let mut units = [0; 2];
        for unit in letter.encode_utf16(&mut units) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
    if text.is_empty() || text.len() > LONGEST_PAYLOAD {
        return r#"{"event":"said","text":"something was too long for a line"}"#.to_owned();
    }
    text
}

/// A frame's bytes, with the line feed.
#[must_use]
pub fn encode(number: u64, payload: &str) -> Vec<u8> {
    let body = format!("{number} {payload}");
    let checksum = crc32fast::hash(body.as_bytes());
    format!("~{body} {checksum:08x}\n").into_bytes()
}

/// Reads a line without its line feed.
#[must_use]
pub fn decode(line: &[u8]) -> Option<Frame> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = str::from_utf8(line.strip_prefix(b"~")?).ok()?;
    let (body, checksum) = text.rsplit_once(' ')?;
    if checksum != format!("{:08x}", crc32fast::hash(body.as_bytes())) {
        return None;
    }
    let (number, payload) = body.split_once(' ')?;
    Some(Frame { number: number.parse().ok()?, payload: payload.to_owned() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::Event;

    #[test]
    fn a_frame_has_its_documented_form() {
        let frame = encode(7, r#"{"a":1}"#);
        assert_eq!(frame, b"~7 {\"a\":1} 9e58a832\n".to_vec(), "{:?}", str::from_utf8(&frame));
    }

    proptest! {
        #[test]
        fn any_text_survives(number: u64, text in "(?s).{0,300}") {
            let event = Event::said(text).clipped();
            let frame = encode(number, &payload(&event));
            prop_assert!(frame.len() <= LONGEST && frame.is_ascii());
            prop_assert_eq!(frame.iter().filter(|&&byte| byte == b'~').count(), 1);
            let read = decode(&frame[..frame.len() - 1]).unwrap();
            prop_assert_eq!(read.number, number);
            prop_assert_eq!(serde_json::from_str::<Event>(&read.payload).unwrap(), event);
        }

        #[test]
        fn a_frame_with_one_wrong_byte_is_none(at in 0usize..40, with: u8) {
            let frame = encode(12, r#"{"event":"said","text":"x"}"#);
            let mut line = frame[..frame.len() - 1].to_vec();
            let at = at % line.len();
            prop_assume!(line[at] != with);
            line[at] = with;
            prop_assert_eq!(decode(&line), None);
        }

        #[test]
        fn no_line_panics(line in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = decode(&line);
        }
    }
}
