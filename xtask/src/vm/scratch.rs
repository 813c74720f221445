//! A run's own folder below `target/vm/runs`: its disks, which go with it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::lock::Lock;
use crate::fs;

/// Held by the run that a folder belongs to.
const LOCK: &str = "run.lock";

/// The folder. Dropped, it is removed, unless it was kept.
pub struct Scratch {
    folder: PathBuf,
    lock: Option<Lock>,
}

impl Scratch {
    /// Makes one, and removes those of runs that were killed.
    pub fn make(runs: &Path) -> Result<Self> {
        fs::create_dir(runs)?;
        for folder in fs::entries(runs)? {
            // What a kept run left has no lock.
            let lock = folder.join(LOCK);
            if lock.is_file() && Lock::try_take(&lock)?.is_some() {
                fs::remove_dir(&folder)?;
            }
        }
        let folder = tempfile::Builder::new().prefix("run-").tempdir_in(runs);
        let folder = folder.context("cannot make a folder for the run")?.keep();
        let lock = Some(Lock::take(&folder.join(LOCK))?);
        Ok(Self { folder, lock })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Leaves it there.
    pub fn keep(mut self) -> Result<PathBuf> {
        fs::remove_file(&self.folder.join(LOCK))?;
        self.lock = None;
        Ok(std::mem::take(&mut self.folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.lock.is_some() {
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_holds_is_cleared_away() {
        let runs = tempfile::tempdir().unwrap();
        let killed = runs.path().join("run-killed");
        fs::write_if_changed(&killed.join(LOCK), b"").unwrap();
        let first = Scratch::make(runs.path()).unwrap();
        assert!(!killed.exists());
        let second = Scratch::make(runs.path()).unwrap();
        assert!(first.folder().is_dir() && second.folder().is_dir());
        let kept = second.keep().unwrap();
        drop(first);
        let third = Scratch::make(runs.path()).unwrap();
        assert_eq!(fs::entries(runs.path()).unwrap().len(), 2);
        assert!(kept.is_dir() && third.folder().is_dir());
    }
}
