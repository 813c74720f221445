//! The hand-over disk, as the guest finds it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::event::Event;
use crate::frame::Frame;
use crate::journal::{self, Journal};
use crate::manifest::{MANIFEST, Manifest, OUT, PLAN};
use crate::plan::Plan;

/// Bytes of the longest plan or manifest that is read.
const LONGEST: u64 = 1024 * 1024;
/// Bytes of the longest journal that is read.
const LONGEST_JOURNAL: u64 = 64 * 1024 * 1024;

pub(super) struct Disk {
    pub(super) plan: Plan,
    pub(super) plan_bytes: Vec<u8>,
    pub(super) out: PathBuf,
    pub(super) journal: Journal,
    file: File,
}

impl Disk {
    /// Checks every file, and reads the plan and the journal.
    ///
    /// # Errors
    /// Why the run cannot begin, in words.
    pub(super) fn open(root: &Path) -> Result<Self, String> {
        let manifest = read(&root.join(MANIFEST), LONGEST)?;
        let manifest = Manifest::read(&manifest).map_err(|error| error.to_string())?;
        let open = |path: &str| File::open(root.join(path));
        manifest.check(open).map_err(|error| error.to_string())?;
        let plan_bytes = read(&root.join(PLAN), LONGEST)?;
        let plan = Plan::read(&plan_bytes).map_err(|error| error.to_string())?;
        let out = root.join(OUT);
        fs::create_dir_all(&out).map_err(|error| told("make", &out, &error))?;
        let (file, journal) = open_journal(&out.join(journal::FILE))?;
        Ok(Self { plan, plan_bytes, out, journal, file })
    }

    /// How often the guest's program started before.
    pub(super) fn boot(&self) -> u32 {
        let boots = self.journal.events().filter_map(|event| match event {
            Event::Booted(booted) => Some(booted.boot),
            _ => None,
        });
        boots.last().unwrap_or(0)
    }

    /// Adds a line, and sees that it is on the disk.
    pub(super) fn append(&mut self, frame: &Frame) -> io::Result<()> {
        self.file.write_all(&frame.bytes())?;
        self.file.sync_all()
    }
}

/// The journal, with a torn end cut off.
fn open_journal(path: &Path) -> Result<(File, Journal), String> {
    let wrong = |error: io::Error| told("open", path, &error);
    let mut options = OpenOptions::new();
    let mut file =
        options.read(true).write(true).create(true).truncate(false).open(path).map_err(wrong)?;
    let mut bytes = Vec::new();
    Read::by_ref(&mut file).take(LONGEST_JOURNAL).read_to_end(&mut bytes).map_err(wrong)?;
    let journal = Journal::read(&bytes).map_err(|damaged| damaged.to_string())?;
    file.set_len(journal.whole as u64).map_err(wrong)?;
    file.seek(SeekFrom::End(0)).map_err(wrong)?;
    Ok((file, journal))
}

fn read(path: &Path, longest: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).and_then(|file| file.take(longest).read_to_end(&mut bytes));
    file.map_err(|error| told("read", path, &error))?;
    Ok(bytes)
}

fn told(what: &str, path: &Path, error: &io::Error) -> String {
    format!("cannot {what} {}: {error}", path.display())
}
