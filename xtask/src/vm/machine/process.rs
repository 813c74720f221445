//! A machine under way: always ended.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::Spec;
use crate::run;

/// QEMU's process. Dropped, it is killed; it dies with this process, too.
#[derive(Debug)]
pub struct Process {
    child: Child,
    said: PathBuf,
}

impl Process {
    /// Starts it. What QEMU itself says goes to the file `said`.
    ///
    /// The kernel ends it with the thread that started it: call this on the main thread.
    pub fn start(spec: &Spec, said: &Path) -> Result<Self> {
        let log = File::create(said).with_context(|| format!("cannot make {}", said.display()))?;
        let mut qemu = spec.command()?;
        qemu.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let name = run::name(&qemu);
        let child = qemu.spawn().with_context(|| format!("cannot run {name}"))?;
        Ok(Self { child, said: said.to_owned() })
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("cannot wait for QEMU")
    }

    /// Waits for its end, for so long at most.
    pub fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let began = Instant::now();
        loop {
            let ended = self.ended()?;
            if ended.is_some() || began.elapsed() > limit {
                return Ok(ended);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What QEMU said of itself: errors, mostly.
    pub fn said(&self) -> String {
        let bytes = std::fs::read(&self.said).unwrap_or_default();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
