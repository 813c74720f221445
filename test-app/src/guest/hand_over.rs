//! The hand-over disk, as files: filling it, and looking how far its plan is.

use std::fs;
use std::path::{Path, PathBuf};

use pagewise_vm_plan::journal::{self, Journal};
use pagewise_vm_plan::manifest::{Entry, MANIFEST, Manifest, OUT, PACKAGE, PLAN, VERSION, digest};
use pagewise_vm_plan::plan::Plan;
use pagewise_vm_plan::state::{Progress, State};

use super::Status;
use crate::error::Error;

/// Fills an empty disk: the plan, the package, and the manifest of both.
///
/// # Errors
/// [`Error::File`]; [`Error::Usage`] for a disk that holds a run already.
pub fn hand_over(package: &Path, to: &Path, plan: &Plan) -> Result<Vec<String>, Error> {
    if to.join(MANIFEST).exists() || to.join(OUT).exists() {
        let what = format!("{} holds a run already: take an empty folder or disk", to.display());
        return Err(Error::Usage(what));
    }
    let mut files = vec![PLAN.to_owned()];
    write(&to.join(PLAN), plan.write().as_bytes())?;
    for file in entries(package)?.into_iter().filter(|path| path.is_file()) {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = fs::read(&file).map_err(failed("read", &file))?;
        write(&to.join(PACKAGE).join(&name), &bytes)?;
        files.push(format!("{PACKAGE}/{name}"));
    }
    // Of what is on the disk, not of what was meant to be.
    let entry = |path: &String| {
        let file = to.join(path);
        let found = fs::File::open(&file).and_then(digest).map_err(failed("read", &file))?;
        Ok(Entry { path: path.clone(), bytes: found.0, sha256: found.1 })
    };
    let manifest: Vec<Entry> = files.iter().map(entry).collect::<Result<_, Error>>()?;
    let manifest = Manifest { version: VERSION, files: manifest };
    fs::create_dir_all(to.join(OUT)).map_err(failed("make", &to.join(OUT)))?;
    write(&to.join(MANIFEST), manifest.write().as_bytes())?;
    Ok(files)
}

/// What a disk tells of its plan.
#[must_use]
pub fn look(root: &Path) -> Option<State> {
    let plan = Plan::read(&fs::read(root.join(PLAN)).ok()?).ok()?;
    let bytes = fs::read(root.join(OUT).join(journal::FILE)).unwrap_or_default();
    Some(State::after(plan, Journal::read(&bytes).ok()?.events()))
}

/// The same for people and programs.
#[must_use]
pub fn status(task: bool, handover: Option<PathBuf>) -> Status {
    let state = handover.as_deref().and_then(look);
    let word = |progress: &Progress| match progress {
        Progress::Waiting => "waiting",
        Progress::Underway | Progress::Restarting => "running",
        Progress::BrokenOff(outcome) | Progress::Ended(outcome) => outcome.word(),
    };
    let steps = state.iter().flat_map(State::steps);
    Status {
        schema: 1,
        task,
        plan: state.as_ref().map(|state| state.plan().name.clone()),
        boots: state.as_ref().map_or(0, State::boot),
        finished: state.as_ref().is_some_and(|state| state.finished().is_some()),
        steps: steps.map(|(step, progress)| (step.id.clone(), word(progress))).collect(),
        handover,
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let listed = fs::read_dir(folder).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()
    });
    let mut all = listed.map_err(failed("list", folder))?;
    all.sort();
    Ok(all)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(failed("make", folder))?;
    fs::write(path, bytes).map_err(failed("write", path))
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { what, path, source }
}

#[cfg(test)]
mod tests {
    use pagewise_vm_plan::event::{Booted, Event};

    use super::*;

    fn made() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("from");
        write(&package.join("pagewise.sys"), b"MZ").unwrap();
        hand_over(&package, &folder.path().join("to"), &Plan::plain()).unwrap();
        folder
    }

    #[test]
    fn what_is_handed_over_passes_the_guest_s_check() {
        let folder = made();
        let root = folder.path().join("to");
        let manifest = Manifest::read(&fs::read(root.join(MANIFEST)).unwrap()).unwrap();
        assert_eq!(manifest.files.len(), 2);
        manifest.check(|path| fs::File::open(root.join(path))).unwrap();
        let again = hand_over(&folder.path().join("from"), &root, &Plan::plain()).unwrap_err();
        assert!(again.to_string().contains("holds a run already"), "{again}");
    }

    #[test]
    fn a_disk_tells_how_far_its_plan_is() {
        let folder = made();
        let root = folder.path().join("to");
        let (os, clock) = (String::new(), String::new());
        let booted = Event::Booted(Booted { boot: 1, fresh: true, os, clock, dump: None });
        let started = Event::StepStarted { step: "set-signing".to_owned() };
        let lines = [journal::line(1, &booted).bytes(), journal::line(2, &started).bytes()];
        write(&root.join(OUT).join(journal::FILE), &lines.concat()).unwrap();
        let status = status(false, Some(root));
        assert_eq!((status.boots, status.finished), (1, false));
        assert_eq!(status.steps[0], ("set-signing".to_owned(), "running"));
        assert_eq!(status.plan.as_deref(), Some("plain"));
    }
}
