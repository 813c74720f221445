//! What the schedule decided: a fingerprint of all of it, and if asked for, a line each.

use std::fmt::Display;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// See the module.
#[derive(Debug)]
pub(super) struct Journal {
    file: Option<File>,
    lines: u64,
    /// The same for the same decisions.
    fingerprint: DefaultHasher,
}

impl Journal {
    /// A journal, in `file` if one is named.
    ///
    /// # Errors
    /// What the host says of the file.
    pub(super) fn new(file: Option<&Path>) -> io::Result<Self> {
        let file = file.map(File::create).transpose()?;
        Ok(Self { file, lines: 0, fingerprint: DefaultHasher::new() })
    }

    /// Notes what `who` came by and what was decided there, so long after boot.
    pub(super) fn note(&mut self, now: Duration, who: &str, what: impl Display) {
        let line = format!("{} {} {who}: {what}\n", self.lines, now.as_micros());
        self.lines += 1;
        line.hash(&mut self.fingerprint);
        if let Some(file) = &mut self.file
            && file.write_all(line.as_bytes()).is_err()
        {
            // A journal that has no room left is no reason to stop a machine.
            eprintln!("schedule: the journal cannot be written any more");
            self.file = None;
        }
    }

    /// How many lines there are, and what tells them from others.
    pub(super) fn summary(&self) -> (u64, u64) {
        (self.lines, self.fingerprint.finish())
    }
}
