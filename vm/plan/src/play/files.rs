//! Files that a step leaves in `out`, as events.

use std::fs::{self, File};
use std::path::Path;

use crate::event::Event;
use crate::{inline, manifest};

/// Tells of a file in `out`, by its name there.
#[must_use]
pub fn note(out: &Path, name: &str, step: &str) -> Event {
    match File::open(out.join(name)).and_then(manifest::digest) {
        Ok((bytes, sha256)) => {
            Event::File { name: name.to_owned(), bytes, sha256, step: step.to_owned() }
        }
        Err(error) => Event::said(format!("{name} cannot be read: {error}")),
    }
}

/// Tells of a file in `out`, and sends its bytes along if it is small.
#[must_use]
pub fn note_inline(out: &Path, name: &str, step: &str) -> Vec<Event> {
    let mut events = vec![note(out, name, step)];
    let path = out.join(name);
    let small = path.metadata().is_ok_and(|found| found.len() <= inline::LARGEST as u64);
    if small && let Ok(bytes) = fs::read(&path) {
        events.extend(inline::split(name, &bytes));
    }
    events
}
