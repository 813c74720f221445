//! Which crash dump is new since the guest last looked.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use pagewise_vm_plan::event::Event;
use pagewise_vm_plan::journal::Journal;
use pagewise_vm_plan::outcome::Dump;

use super::dump::Header;
use super::system::DumpFile;

/// The large dump: one file, which every bug check writes anew.
const LARGE: &str = "MEMORY.DMP";
/// File in `out` with the dumps that were there before the run.
const BEFORE: &str = "dumps-before.json";

/// The dumps that were there before the run. The first start of a run writes them down: before its
/// journal begins.
#[must_use]
pub fn before(files: &[DumpFile], journal: &Journal, out: &Path) -> BTreeSet<String> {
    let path = out.join(BEFORE);
    let noted = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if let Some(noted) = noted {
        return noted;
    }
    if journal.last() > 0 {
        // The list is gone: then rather none is new than all.
        return files.iter().map(name).collect();
    }
    let names: BTreeSet<String> = files.iter().map(name).collect();
    if let Ok(text) = serde_json::to_vec(&names) {
        // Without it, the next start takes none for new.
        let _ = fs::write(path, text);
    }
    names
}

/// The new dump; of several the small one, which a bug check writes beside the large one.
#[must_use]
pub fn new(files: &[DumpFile], before: &BTreeSet<String>, journal: &Journal) -> Option<Dump> {
    let told: Vec<Dump> = journal
        .events()
        .filter_map(|event| match event {
            Event::Booted(booted) => booted.dump,
            _ => None,
        })
        .collect();
    let candidates = files.iter().filter_map(|file| {
        let name = name(file);
        if before.contains(&name) || told.iter().any(|dump| dump.file == name) {
            return None;
        }
        let header = Header::read(&file.path)?;
        Some(Dump { file: name, code: header.code, parameters: header.parameters })
    });
    let (large, small): (Vec<_>, Vec<_>) =
        candidates.partition(|dump| dump.file.starts_with(LARGE));
    // Names of small dumps begin with the date and count up.
    if let Some(newest) = small.into_iter().max_by(|one, other| one.file.cmp(&other.file)) {
        return Some(newest);
    }
    // The large one of a bug check whose small one was told already.
    let same =
        |dump: &Dump, other: &Dump| (dump.code, dump.parameters) == (other.code, other.parameters);
    large.into_iter().find(|dump| !told.iter().any(|other| same(dump, other)))
}

/// A name that no other dump has.
fn name(file: &DumpFile) -> String {
    let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !name.eq_ignore_ascii_case(LARGE) {
        return name;
    }
    let written = file.written.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    format!("{LARGE} (written {} s after 1970)", written.unwrap_or_default().as_secs())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pagewise_vm_plan::event::Booted;
    use pagewise_vm_plan::journal;

    use super::super::dump::sample;
    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn add(&self, name: &str, code: u32, second: u64) -> DumpFile {
            let path = self.0.path().join(name);
            fs::write(&path, sample(code, [1, 2, 3, 4])).unwrap();
            let written = Some(UNIX_EPOCH + Duration::from_secs(second));
            DumpFile { path, written, bytes: 4096 }
        }

        fn before(&self, files: &[DumpFile], journal: &Journal) -> BTreeSet<String> {
            before(files, journal, self.0.path())
        }
    }

    fn journal_with(dumps: &[Dump]) -> Journal {
        let booted = |boot: u32, dump| {
            Event::Booted(Booted {
                boot,
                fresh: true,
                os: String::new(),
                clock: String::new(),
                dump,
            })
        };
        let dumps = [None].into_iter().chain(dumps.iter().cloned().map(Some));
        let frames = (1u32..).zip(dumps);
        let frames =
            frames.map(|(boot, dump)| journal::line(boot.into(), &booted(boot, dump))).collect();
        Journal { frames, whole: 0 }
    }

    #[test]
    fn what_was_there_before_the_run_is_not_new() {
        let folder = Folder::new();
        let old = [folder.add("old.dmp", 0xd1, 5), folder.add("MEMORY.DMP", 0xd1, 5)];
        let before = folder.before(&old, &Journal::default());
        assert_eq!(new(&old, &before, &journal_with(&[])), None);
        let all = [old[0].clone(), folder.add("new.dmp", 0xc4, 9)];
        let before = folder.before(&all, &journal_with(&[]));
        let found = new(&all, &before, &journal_with(&[])).unwrap();
        assert_eq!((found.file.as_str(), found.code), ("new.dmp", 0xc4));
    }

    #[test]
    fn each_bug_check_is_told_once() {
        let folder = Folder::new();
        let before = folder.before(&[], &Journal::default());
        let first = [folder.add("a-01.dmp", 0xc4, 9), folder.add("MEMORY.DMP", 0xc4, 9)];
        let told = new(&first, &before, &journal_with(&[])).unwrap();
        assert_eq!(told.file, "a-01.dmp");
        let journal = journal_with(std::slice::from_ref(&told));
        assert_eq!(new(&first, &before, &journal), None);
        let second = [first[0].clone(), folder.add("MEMORY.DMP", 0xd1, 20)];
        assert_eq!(new(&second, &before, &journal).unwrap().code, 0xd1);
    }

    #[test]
    fn a_file_that_is_still_being_written_is_no_dump_yet() {
        let folder = Folder::new();
        let file = folder.add("a.dmp", 0xc4, 9);
        fs::write(&file.path, b"").unwrap();
        assert_eq!(new(&[file], &BTreeSet::new(), &journal_with(&[])), None);
    }

    #[test]
    fn without_its_list_a_run_takes_nothing_for_new() {
        let folder = Folder::new();
        let files = [folder.add("a.dmp", 0xc4, 9)];
        let before = folder.before(&files, &journal_with(&[]));
        assert_eq!(new(&files, &before, &journal_with(&[])), None);
    }
}
