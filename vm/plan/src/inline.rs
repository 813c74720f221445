//! Small files over the line: cut into parts, and put together again.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::event::Event;

/// Bytes of the largest file that goes over the line: half a minute at 115200 baud.
pub const LARGEST: usize = 256 * 1024;
/// Bytes of a part.
const PART: usize = 2048;

/// The events that carry a file; none where it is larger than [`LARGEST`].
#[must_use]
pub fn split(name: &str, bytes: &[u8]) -> Vec<Event> {
    if bytes.len() > LARGEST {
        return Vec::new();
    }
    // An empty file has one empty part.
    let parts: Vec<&[u8]> = if bytes.is_empty() { vec![b""] } else { bytes.chunks(PART).collect() };
    let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
    let numbered = (1..).zip(parts);
    let events = numbered.map(|(part, bytes)| Event::InlineFile {
        name: name.to_owned(),
        part,
        parts: count,
        data: STANDARD.encode(bytes),
    });
    events.collect()
}

/// Puts files together whose parts come in order, as they do in a journal.
#[derive(Debug, Default)]
pub struct Joiner {
    begun: BTreeMap<String, (u32, Vec<u8>)>,
}

/// Files that may be under way at a time.
const MOST_BEGUN: usize = 8;

impl Joiner {
    /// Takes an event; a file's name and bytes, if that was its last part. Parts that do not fit
    /// are dropped, and the file with them.
    pub fn take(&mut self, event: &Event) -> Option<(String, Vec<u8>)> {
        let Event::InlineFile { name, part, parts, data } = event else { return None };
        let (before, mut bytes) = match part {
            1 => (0, Vec::new()),
            _ => self.begun.remove(name)?,
        };
        let data = STANDARD.decode(data).ok()?;
        if before + 1 != *part || part > parts || bytes.len() + data.len() > LARGEST {
            return None;
        }
        bytes.extend(data);
        if part == parts {
            self.begun.remove(name);
            return Some((name.clone(), bytes));
        }
        if self.begun.len() < MOST_BEGUN || self.begun.contains_key(name) {
            self.begun.insert(name.clone(), (*part, bytes));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame;

    proptest! {
        #[test]
        fn a_file_survives_and_every_part_fits(
            bytes in prop::collection::vec(any::<u8>(), 0..10_000),
        ) {
            let mut joiner = Joiner::default();
            let events = split("verify-plain.json", &bytes);
            let mut files = Vec::new();
            for event in &events {
                let payload = frame::payload(event);
                prop_assert!(payload.contains("inline-file"), "{}", payload);
                files.extend(joiner.take(event));
            }
            prop_assert_eq!(files, vec![("verify-plain.json".to_owned(), bytes)]);
        }
    }

    #[test]
    fn a_missing_part_costs_the_file_and_no_other() {
        let mut joiner = Joiner::default();
        let (a, b) = (split("a", &[1; 5000]), split("b", &[2; 5000]));
        let order = [&a[0], &b[0], &b[1], &a[2], &b[2]];
        let files: Vec<_> = order.into_iter().filter_map(|event| joiner.take(event)).collect();
        assert_eq!(files, [("b".to_owned(), vec![2; 5000])]);
    }

    #[test]
    fn too_large_a_file_is_not_sent() {
        assert!(split("a", &vec![0; LARGEST + 1]).is_empty());
        assert_eq!(split("a", &[]).len(), 1);
    }
}
