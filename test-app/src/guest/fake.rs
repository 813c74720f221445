//! A system that answers as it is told.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::system::{Call, DumpFile, Program, Ran, System};
use crate::error::Error;
use crate::status::Win32;

/// The answers, and what was asked.
#[derive(Default)]
pub(super) struct Fake {
    /// By the beginning of the command line: code, output, errors. What is not here is missing.
    pub(super) programs: Vec<(&'static str, Ran, &'static str, &'static str)>,
    pub(super) code_integrity: u32,
    pub(super) denied: bool,
    pub(super) build: u32,
    pub(super) dumps: RefCell<Vec<DumpFile>>,
    /// Dumps that appear after so many pauses.
    pub(super) late: RefCell<Option<(u32, DumpFile)>>,
    pub(super) folder: PathBuf,
    pub(super) started: bool,
    pub(super) ran: Vec<String>,
    pub(super) registry: BTreeMap<String, u32>,
    pub(super) trusted: Vec<PathBuf>,
    pub(super) restarts: u32,
}

impl Fake {
    fn refusal(&self, operation: &str) -> Result<(), Error> {
        let code = Win32(5);
        let operation = operation.to_owned();
        if self.denied { Err(Error::Win32 { operation, code }) } else { Ok(()) }
    }
}

impl System for Fake {
    fn run(&mut self, call: &Call<'_>) -> Ran {
        let program = match call.program {
            Program::Own => "test-app",
            Program::Tool(tool) => tool,
        };
        let line = format!("{program} {}", call.arguments.join(" "));
        self.ran.push(line.clone());
        let answer = self.programs.iter().find(|answer| line.starts_with(answer.0));
        let Some((_, ran, output, errors)) = answer else { return Ran::Missing };
        std::fs::write(call.output, output).unwrap_or_default();
        std::fs::write(call.errors, errors).unwrap_or_default();
        ran.clone()
    }

    fn code_integrity(&self) -> Result<u32, Error> {
        Ok(self.code_integrity)
    }

    fn set_number(&mut self, key: &str, value: &str, number: u32) -> Result<(), Error> {
        self.refusal("RegSetValueEx")?;
        self.registry.insert(format!("{key}\\{value}"), number);
        Ok(())
    }

    fn trust(&mut self, certificate: &Path, _: Duration) -> Result<usize, Error> {
        self.refusal("CertAddCertificateContextToStore")?;
        self.trusted.push(certificate.to_owned());
        Ok(2)
    }

    fn restart(&mut self) -> Result<(), Error> {
        self.restarts += 1;
        self.refusal("InitiateSystemShutdownEx")
    }

    fn dump_files(&self) -> Vec<DumpFile> {
        self.dumps.borrow().clone()
    }

    fn is_first_start(&mut self) -> bool {
        !std::mem::replace(&mut self.started, true)
    }

    fn build(&self) -> Option<u32> {
        Some(self.build)
    }

    fn name(&self) -> String {
        "a fake".to_owned()
    }

    fn folder(&self) -> PathBuf {
        self.folder.clone()
    }

    fn pause(&self, _: Duration) {
        let mut late = self.late.borrow_mut();
        match late.take() {
            Some((0, file)) => self.dumps.borrow_mut().push(file),
            Some((ticks, file)) => *late = Some((ticks - 1, file)),
            None => {}
        }
    }
}
