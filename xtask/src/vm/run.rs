//! `cargo xtask vm run`: one plan on one throw-away machine.

mod options;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};
use pagewise_vm_plan::manifest::{Manifest, PACKAGE, PLAN, sha256};
use pagewise_vm_plan::plan::Plan;
use serde_json::Value;

use super::accelerator::Accelerator;
use super::base::{Base, Firmware};
use super::follow::{BY_LINE, Followed, follow};
use super::hand_over::{self, Files};
use super::machine::{Boot, Chipset, Disk, Format, Spec};
use super::report::{self, Found, Host, Integrity, Report};
use super::scratch::Scratch;
use super::session::{Session, Sockets};
use super::stand_in::StandIn;
use super::view::plain;
use super::watch::{Limits, Verdict};
use super::{bases, disk, home, interrupt};
use crate::build;
use crate::fs;
use crate::package;
use crate::progress::Step;
use crate::setup;
use crate::workspace::Workspace;

pub use options::Arguments;

/// The overlay's name, and the hand-over disk's.
const OVERLAY: &str = "disk.qcow2";
const HAND_OVER: &str = "hand-over.img";
/// Folder of the files from the hand-over disk, in the results.
const OUT: &str = "out";

/// Runs it. The exit code is the verdict's.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<ExitCode> {
    let guest = Guest::find(workspace, arguments)?;
    setup::provide(setup::QEMU)?;
    if matches!(&guest, Guest::Windows(base) if base.record.firmware == Firmware::Uefi) {
        setup::provide(setup::UEFI)?;
    }
    let accelerator = Accelerator::choose(arguments.accelerator)?;
    eprintln!("{}, on {accelerator}", guest.describe());
    let plan = arguments.plan(&accelerator)?;
    interrupt::listen()?;
    let scratch = Scratch::make(&home(workspace).join("runs"))?;
    let machine = Machine { workspace, arguments, guest, accelerator, plan, scratch };
    let exit = machine.run()?;
    if arguments.keep {
        let kept = machine.scratch.keep()?;
        eprintln!("The machine's disks are kept: {}", kept.display());
    }
    Ok(exit)
}

/// Who plays the guest.
enum Guest {
    Windows(Base),
    StandIn(StandIn),
}

impl Guest {
    fn find(workspace: &Workspace, arguments: &Arguments) -> Result<Self> {
        if arguments.stand_in {
            return Ok(Self::StandIn(StandIn::provide(workspace, !arguments.no_build)?));
        }
        // Before anything is built: without an image, there is nothing to do here.
        let base = Base::choose(&bases(&home(workspace)), arguments.base.as_deref())?;
        if !arguments.no_build && arguments.package.is_none() {
            build::run(workspace, &build::Arguments::default())?;
        }
        Ok(Self::Windows(base))
    }

    fn describe(&self) -> String {
        match self {
            Self::Windows(base) => {
                let os = base.record.os.as_deref().unwrap_or("of an unknown system");
                format!("A copy of the base image {} ({})", base.name(), plain(os))
            }
            Self::StandIn(_) => "The stand-in guest, which is not Windows".to_owned(),
        }
    }
}

struct Machine<'a> {
    workspace: &'a Workspace,
    arguments: &'a Arguments,
    guest: Guest,
    accelerator: Accelerator,
    plan: Plan,
    scratch: Scratch,
}

impl Machine<'_> {
    fn run(&self) -> Result<ExitCode> {
        let began = Instant::now();
        let results = self.results()?;
        let text = self.plan.write();
        let sockets = Sockets::listen()?;
        let spec = self.spec(&sockets, &results, &text)?;
        let mut session = Session::start(&spec, sockets, &results.join("qemu.log"))?;
        let plan_sha256 = sha256(text.as_bytes());
        let limits = self.limits();
        let followed = follow(&mut session, &self.plan, &plan_sha256, limits, &results, &mut ())?;
        self.shoot(&followed, &mut session, &results);
        session.end()?;
        let files = self.bring_home(&followed, &results);
        let report = Report::of(&followed, self.host(&spec), files, began.elapsed());
        report.write(&results.join("report.json"))?;
        self.hand_out(&followed, &report, &results)?;
        report.print(&results);
        Ok(followed.verdict.exit().into())
    }

    /// The folder of the results: the user's, or one by the time.
    fn results(&self) -> Result<PathBuf> {
        if let Some(folder) = &self.arguments.out {
            fs::create_dir(folder)?;
            return std::path::absolute(folder).context("the folder of the results has no path");
        }
        let all = home(self.workspace).join("results");
        fs::create_dir(&all)?;
        let prefix = format!("{}-", self.plan.name);
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(all);
        Ok(folder.context("cannot make a folder for the results")?.keep())
    }

    fn limits(&self) -> Limits {
        let limits = match self.guest {
            Guest::Windows(_) => Limits::of_windows(&self.accelerator),
            Guest::StandIn(_) => Limits::of_stand_in(),
        };
        self.arguments.limits(limits)
    }

    fn spec(&self, sockets: &Sockets, results: &Path, plan: &str) -> Result<Spec> {
        let folder = self.scratch.folder();
        let step = Step::start("Making the machine's disks");
        let hand_over =
            Disk { path: folder.join(HAND_OVER), format: Format::Raw, throw_away: true };
        self.hand_over(&hand_over.path, plan)?;
        let (chipset, boot, disks) = match &self.guest {
            Guest::StandIn(stand_in) => {
                let boot = stand_in.boot(folder, self.arguments.misbehave())?;
                (Chipset::Pc, boot, vec![hand_over])
            }
            Guest::Windows(base) => {
                let overlay =
                    Disk { path: folder.join(OVERLAY), format: Format::Qcow2, throw_away: true };
                disk::overlay(&base.disk(), Format::Qcow2.name(), &overlay.path)?;
                (Chipset::Q35, base.boot(folder)?, vec![overlay, hand_over])
            }
        };
        step.done();
        let small = matches!(boot, Boot::Kernel { .. });
        Ok(Spec {
            accelerator: self.accelerator.clone(),
            chipset,
            boot,
            memory_mib: self.arguments.memory.unwrap_or(if small { 256 } else { 4096 }),
            processors: self.arguments.processors.unwrap_or(if small { 1 } else { 2 }),
            nested: self.arguments.memory_integrity,
            disks,
            cds: Vec::new(),
            stick: None,
            vnc: false,
            line: sockets.line(),
            monitor: sockets.monitor(),
            console: results.join("console.log"),
        })
    }

    fn hand_over(&self, path: &Path, plan: &str) -> Result<()> {
        let mut files: Files = vec![(PLAN.to_owned(), plan.as_bytes().to_vec())];
        for (name, content) in self.package()? {
            files.push((format!("{PACKAGE}/{name}"), content));
        }
        if !self.arguments.breaks_hand_over() {
            return hand_over::make(path, &files);
        }
        let listed = files.iter().map(|(path, bytes)| (path.as_str(), &bytes[..]));
        let manifest = Manifest::of(listed);
        let last = files.last_mut().and_then(|(_, bytes)| bytes.last_mut());
        *last.context("an empty package")? ^= 1;
        hand_over::make_with(path, &files, &manifest)
    }

    /// The driver's package; for the stand-in, any files do.
    fn package(&self) -> Result<Files> {
        if let Guest::StandIn(stand_in) = &self.guest {
            return Ok(vec![(super::stand_in::NAME.to_owned(), fs::read(stand_in.program())?)]);
        }
        let folder = match &self.arguments.package {
            Some(folder) => folder.clone(),
            None => {
                let folder = self.scratch.folder().join(PACKAGE);
                package::make(&self.workspace.artifacts(), &folder)?;
                folder
            }
        };
        let mut files = Files::new();
        for path in fs::entries(&folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, fs::read(&path)?));
        }
        Ok(files)
    }

    /// What the screen shows when something is wrong; it is gone with the machine.
    fn shoot(&self, followed: &Followed, session: &mut Session, results: &Path) {
        if matches!(followed.verdict, Verdict::Passed | Verdict::Failed { .. } | Verdict::Ended) {
            return;
        }
        let path = results.join("screenshot.png");
        match session.monitor().screenshot(&path) {
            Ok(()) => eprintln!("The guest's screen: {}", path.display()),
            Err(error) => eprintln!("There is no screenshot: {error:#}"),
        }
    }

    fn bring_home(&self, followed: &Followed, results: &Path) -> Result<Vec<Found>, String> {
        let disk = self.scratch.folder().join(HAND_OVER);
        let pulled = hand_over::pull_apart(&disk, &results.join(OUT));
        match pulled {
            Ok(pulled) => Ok(report::compare(&followed.events, &pulled)),
            Err(error) => Err(format!("{error:#}")),
        }
    }

    fn host(&self, spec: &Spec) -> Host {
        let (guest, base) = match &self.guest {
            Guest::Windows(base) => ("base-image", Some(base.name())),
            Guest::StandIn(_) => ("stand-in", None),
        };
        Host {
            guest,
            base,
            accelerator: self.accelerator.name(),
            memory_mib: spec.memory_mib,
            processors: spec.processors,
        }
    }

    /// Files that the user asked for by name.
    fn hand_out(&self, followed: &Followed, report: &Report, results: &Path) -> Result<()> {
        if let Some(path) = &self.arguments.json {
            let main = report::main_results(followed);
            match main.and_then(|name| came(results, &name, report)) {
                Some(file) => {
                    fs::copy_if_changed(&file, path)?;
                }
                None => eprintln!("No results came: {} is not written", path.display()),
            }
        }
        if let Some(path) = &self.arguments.junit {
            report::write_junit(report, &self.verified(report, results), path)?;
        }
        Ok(())
    }

    /// The results of every `verify` that came.
    fn verified(&self, report: &Report, results: &Path) -> Vec<(String, Value)> {
        let names = report::all_results(&self.plan);
        let read = |name: String| {
            let file = came(results, &name, report)?;
            let value = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
            Some((name, value))
        };
        names.into_iter().filter_map(read).collect()
    }
}

/// A file of the guest's: as it lay on the disk, if it is whole; or as it came over the line.
fn came(results: &Path, name: &str, report: &Report) -> Option<PathBuf> {
    let by_disk = report.state_of(name) == Some(Integrity::Whole);
    let folder = if by_disk { OUT } else { BY_LINE };
    Some(results.join(folder).join(name)).filter(|file| file.is_file())
}
