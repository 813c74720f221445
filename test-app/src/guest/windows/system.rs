//! The system that the steps of a plan work on.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use windows_registry::LOCAL_MACHINE;

use super::super::child;
use super::super::system::{Call, DumpFile, Program, Ran, System};
use super::power;
use crate::error::Error;
use crate::setup;
use crate::status::Win32;
use crate::win32::{code_integrity, host, version};

/// A key that is gone with every restart: whether the guest has started since.
const STARTED: &str = r"SOFTWARE\PagewiseGuest";

/// This system.
pub(super) struct Windows;

impl System for Windows {
    fn run(&mut self, call: &Call<'_>) -> Ran {
        let program = match call.program {
            Program::Own => match env::current_exe() {
                Ok(program) => program,
                Err(error) => return Ran::NotStarted(error.to_string()),
            },
            Program::Tool(tool) => host::windows_folder().join("System32").join(tool),
        };
        child::run(&program, call)
    }

    fn code_integrity(&self) -> Result<u32, Error> {
        code_integrity::options()
    }

    fn set_number(&mut self, key: &str, value: &str, number: u32) -> Result<(), Error> {
        let written = LOCAL_MACHINE.create(key).and_then(|key| key.set_u32(value, number));
        written.map_err(|error| Error::Win32 {
            operation: format!(r"writing {value} of HKLM\{key}"),
            code: Win32::from_hresult(error.code().0.cast_unsigned()),
        })
    }

    fn trust(&mut self, certificate: &Path, limit: Duration) -> Result<usize, Error> {
        // In a thread of its own: the guest goes on even if the store never answers.
        let (sender, receiver) = mpsc::channel();
        let certificate = certificate.to_owned();
        thread::spawn(move || {
            let trusted = setup::this_host().and_then(|host| host.trust(&certificate));
            // Nobody waits any more if this fails.
            let _ = sender.send(trusted.map(|added| added.len()));
        });
        receiver.recv_timeout(limit).unwrap_or_else(|_| {
            Err(Error::Mute { operation: "trusting the certificate in time".to_owned() })
        })
    }

    fn restart(&mut self) -> Result<(), Error> {
        power::restart()
    }

    fn dump_files(&self) -> Vec<DumpFile> {
        let folder = host::windows_folder();
        let small = fs::read_dir(folder.join("Minidump")).into_iter().flatten();
        let small = small.filter_map(|entry| Some(entry.ok()?.path()));
        let is_dump = |path: &PathBuf| {
            path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("dmp"))
        };
        let all = small.filter(is_dump).chain([folder.join("MEMORY.DMP")]);
        let described = all.filter_map(|path| {
            let found = path.metadata().ok()?;
            Some(DumpFile { written: found.modified().ok(), bytes: found.len(), path })
        });
        described.collect()
    }

    fn is_first_start(&mut self) -> bool {
        if LOCAL_MACHINE.open(STARTED).is_ok() {
            return false;
        }
        // Without it, a start of the program alone would pass for a restart of the machine; the
        // steps that wait for one look at what they wanted, and would see.
        let _ = LOCAL_MACHINE.options().read().write().create().volatile().open(STARTED);
        true
    }

    fn build(&self) -> Option<u32> {
        version::of_windows().ok().map(|version| version.build)
    }

    fn name(&self) -> String {
        let kind = if host::is_wine() { "Wine, as Windows" } else { "Windows" };
        match version::of_windows() {
            Ok(version) => {
                format!("{kind} {}.{}.{}", version.major, version.minor, version.build)
            }
            Err(_) => format!("{kind} of an unknown version"),
        }
    }

    fn folder(&self) -> PathBuf {
        host::windows_folder()
    }

    fn pause(&self, time: Duration) {
        thread::sleep(time);
    }
}

/// Forgets that the guest has started.
pub(super) fn forget_start() {
    // It is gone with the next restart anyway.
    let _ = LOCAL_MACHINE.remove_tree(STARTED);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_start_is_the_first() {
        forget_start();
        assert!(Windows.is_first_start());
        assert!(!Windows.is_first_start());
        forget_start();
    }
}
