//! What a fuzzer says: all of it in a file, and of that what is worth showing.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read, Write as _};
use std::path::Path;

use anyhow::{Context, Result};

use crate::progress::Step;

/// Lines that are shown of a run that found something.
const TAIL: usize = 60;

/// See the module.
pub struct Log {
    file: BufWriter<File>,
    last: VecDeque<String>,
    done: String,
    coverage: String,
    figures: Vec<String>,
}

impl Log {
    /// A log that goes to this file.
    pub fn to(path: &Path) -> Result<Self> {
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self {
            file: BufWriter::new(file),
            last: VecDeque::new(),
            done: String::new(),
            coverage: String::new(),
            figures: Vec::new(),
        })
    }

    /// Reads to the end, showing how far the fuzzer is.
    pub fn read(&mut self, from: impl Read, step: &Step) -> Result<()> {
        for line in BufReader::new(from).split(b'\n') {
            let line = line.context("cannot read what the fuzzer says")?;
            let line = String::from_utf8_lossy(&line).into_owned();
            writeln!(self.file, "{line}").context("cannot write the log")?;
            if self.take(line) {
                step.detail(&self.coverage);
            }
        }
        self.file.flush().context("cannot write the log")
    }

    /// Takes note of a line; whether it tells how far the fuzzer is.
    fn take(&mut self, line: String) -> bool {
        let is_progress = line.starts_with('#') && line.contains("cov:");
        if is_progress {
            self.coverage = line.split_whitespace().collect::<Vec<_>>().join(" ");
        } else if line.starts_with("Done ") {
            self.done = line.clone();
        } else if line.contains("calls a second") || line.contains("basic blocks") {
            self.figures.push(line.clone());
        }
        if self.last.len() == TAIL {
            self.last.pop_front();
        }
        self.last.push_back(line);
        is_progress
    }

    /// How many inputs there were in which time, and what they covered.
    pub fn summary(&self) -> String {
        format!("{}; {}", self.done, self.coverage)
    }

    /// What the target says of itself.
    pub fn figures(&self) -> &[String] {
        &self.figures
    }

    /// The last lines.
    pub fn tail(&self) -> String {
        self.last.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_coverage_and_figures_are_picked_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::to(&folder.path().join("log")).unwrap();
        assert!(!log.take("INFO: Seed: 1".into()));
        assert!(log.take("#8\tNEW    cov: 10 ft: 12 corp: 2/9b".into()));
        assert!(!log.take("pagewise.sys: 3 of 4 basic blocks were reached".into()));
        assert!(!log.take("Done 9 runs in 1 second(s)".into()));
        assert_eq!(log.summary(), "Done 9 runs in 1 second(s); #8 NEW cov: 10 ft: 12 corp: 2/9b");
        assert_eq!(log.figures(), ["pagewise.sys: 3 of 4 basic blocks were reached"]);
        assert_eq!(log.tail().lines().count(), 4);
    }
}
