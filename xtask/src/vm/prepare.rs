//! `cargo xtask vm prepare`: a base image, made once.
//!
//! Windows Setup takes its answers from a USB stick, which is the hand-over disk, too: the last of
//! the answers has `test-app guest setup` take over, and from then on it is a run as any other, of a
//! plan that only sees to test signing and shuts down. Of a disk with Windows on it, a person types
//! that one line. Neither has been done with a Windows yet.

mod onlooker;
mod options;
mod stage;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use pagewise_vm_plan::manifest::{PACKAGE, PLAN, digest, sha256};
use pagewise_vm_plan::plan::{Action, AtEnd, Plan, Step, VERSION};

use super::accelerator::Accelerator;
use super::base::{Base, DISK, Firmware, Record};
use super::follow::{Followed, follow};
use super::hand_over::{self, Files};
use super::machine::{Chipset, Disk, Format, Spec};
use super::session::{Session, Sockets};
use super::watch::{EMULATED, Limits, Verdict};
use super::{answer, bases, disk, home, interrupt};
use crate::build;
use crate::fs;
use crate::package;
use crate::progress;
use crate::setup;
use crate::workspace::Workspace;

use onlooker::Onlooker;
use stage::{Seen, Start};

pub use options::Arguments;
pub use stage::Stage;

/// The stick's image.
const STICK: &str = "stick.img";
/// Name of the answer file, by which Setup finds it.
const ANSWERS: &str = "autounattend.xml";
/// What QEMU and the guest said, screenshots, the journal.
const LOGS: &str = "logs";
/// What a person types into an elevated prompt of the guest; the stick's letter is Windows' choice.
const TYPE: &str = r"for %d in (D E F G H) do if exist %d:\package\test-app.exe %d:\package\test-app.exe guest setup";

/// Prepares one.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<ExitCode> {
    let source = arguments.source();
    ensure!(source.is_file(), "there is no file {}", source.display());
    // First what costs least: an image that is there already needs nothing of the rest.
    let folder = bases(&home(workspace)).join(arguments.name()?);
    let base = open(&folder, arguments)?;
    setup::provide(setup::QEMU)?;
    if arguments.firmware == Firmware::Uefi {
        setup::provide(setup::UEFI)?;
    }
    let accelerator = Accelerator::choose(arguments.accelerator)?;
    eprintln!("Windows of {}, on {accelerator}", source.display());
    if !arguments.no_build {
        build::run(workspace, &build::Arguments::default())?;
    }
    interrupt::listen()?;
    let logs = folder.join(LOGS);
    fs::create_dir(&logs)?;
    Preparation { workspace, arguments, accelerator, logs }.run(base)
}

/// The image as it stands; or a new one.
fn open(folder: &Path, arguments: &Arguments) -> Result<Base> {
    if !folder.exists() {
        let source = arguments.source();
        let step = progress::Step::start(format!("Reading {}", source.display()));
        let file = File::open(source);
        let (_, sha256) =
            file.and_then(digest).with_context(|| format!("cannot read {}", source.display()))?;
        step.done();
        let name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Base::create(folder, Record::new(name, sha256, arguments.firmware));
    }
    let base = Base::open(folder)?;
    let name = base.name();
    if base.record.ready.is_some() {
        bail!(
            "the base image {name} is ready\n  try: cargo xtask vm run --base {name}; or another --name"
        );
    }
    ensure!(
        arguments.resume,
        "the base image {name} is half prepared\n  try: the same with --resume; or remove {}",
        folder.display()
    );
    ensure!(
        base.record.firmware == arguments.firmware,
        "the base image {name} was begun with other firmware\n  try: the other --firmware; or another --name"
    );
    Ok(base)
}

struct Preparation<'a> {
    workspace: &'a Workspace,
    arguments: &'a Arguments,
    accelerator: Accelerator,
    logs: PathBuf,
}

impl Preparation<'_> {
    fn run(&self, mut base: Base) -> Result<ExitCode> {
        let plan = plan();
        let text = plan.write();
        self.make_disks(&mut base, &text)?;
        let sockets = Sockets::listen()?;
        let spec = self.spec(&base, &sockets)?;
        let mut session = Session::start(&spec, sockets, &self.logs.join("qemu.log"))?;
        self.tell(&mut session)?;
        let limits = Limits::of_setup(&self.accelerator);
        let (screenshots, press_for) = (self.arguments.screenshots()?, self.press_for());
        let mut onlooker = Onlooker::new(&mut base, screenshots, press_for);
        let sha256 = sha256(text.as_bytes());
        let followed = follow(&mut session, &plan, &sha256, limits, &self.logs, &mut onlooker)?;
        if followed.verdict != Verdict::Passed {
            let screenshot = self.logs.join("screenshot.png");
            if session.monitor().screenshot(&screenshot).is_ok() {
                eprintln!("The guest's screen: {}", screenshot.display());
            }
        }
        session.end()?;
        self.conclude(base, &followed)
    }

    fn make_disks(&self, base: &mut Base, plan: &str) -> Result<()> {
        let step = progress::Step::start("Making the machine's disks");
        let path = base.folder().join(DISK);
        match (base.record.stage.start(), &self.arguments.disk) {
            (Start::GoOn, _) => {}
            (Start::Anew, None) => {
                fs::remove_file(&path)?;
                disk::blank(&path, self.arguments.gib)?;
            }
            (Start::Anew, Some(theirs)) => {
                fs::remove_file(&path)?;
                disk::overlay(theirs, &disk::info(theirs)?.format, &path)?;
                base.record.stage = Stage::Copied;
                base.save()?;
            }
        }
        let stick = base.folder().join(STICK);
        fs::remove_file(&stick)?;
        hand_over::make(&stick, &self.files(plan)?)?;
        step.done();
        Ok(())
    }

    fn files(&self, plan: &str) -> Result<Files> {
        let mut files: Files = vec![(PLAN.to_owned(), plan.as_bytes().to_vec())];
        if self.arguments.iso.is_some() {
            let answers = answer::render(&self.arguments.answers());
            files.push((ANSWERS.to_owned(), answers.into_bytes()));
        }
        let folder = tempfile::tempdir().context("cannot make a folder for the package")?;
        let package = folder.path().join(PACKAGE);
        package::make(&self.workspace.artifacts(), &package)?;
        for path in fs::entries(&package)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((format!("{PACKAGE}/{name}"), fs::read(&path)?));
        }
        Ok(files)
    }

    fn spec(&self, base: &Base, sockets: &Sockets) -> Result<Spec> {
        let iso = self.arguments.iso.as_deref().map(std::path::absolute).transpose();
        Ok(Spec {
            accelerator: self.accelerator.clone(),
            chipset: Chipset::Q35,
            boot: base.own_boot()?,
            memory_mib: self.arguments.memory,
            processors: self.arguments.processors,
            nested: false,
            disks: vec![Disk { path: base.disk(), format: Format::Qcow2, throw_away: false }],
            cds: iso.context("the medium has no path")?.into_iter().collect(),
            stick: Some(base.folder().join(STICK)),
            vnc: self.arguments.vnc || self.arguments.disk.is_some(),
            line: sockets.line(),
            monitor: sockets.monitor(),
            console: self.logs.join("console.log"),
        })
    }

    /// Firmware takes some seconds before a medium asks for a key.
    fn press_for(&self) -> Duration {
        let by_medium = self.arguments.iso.is_some() && self.arguments.firmware == Firmware::Uefi;
        match (&self.accelerator, by_medium) {
            (_, false) => Duration::ZERO,
            (Accelerator::Kvm, true) => Duration::from_secs(30),
            (Accelerator::Tcg { .. }, true) => Duration::from_secs(30) * EMULATED,
        }
    }

    fn tell(&self, session: &mut Session) -> Result<()> {
        if let Some(port) = session.monitor().vnc_port()? {
            eprintln!("The guest's screen and keyboard: VNC, 127.0.0.1 port {port}");
        }
        if self.arguments.disk.is_some() {
            eprintln!("Type this into a Command Prompt of its administrator's:\n  {TYPE}");
        }
        Ok(())
    }

    fn conclude(&self, mut base: Base, followed: &Followed) -> Result<ExitCode> {
        if followed.verdict != Verdict::Passed {
            eprintln!("\nNot prepared: {}", followed.verdict);
            if let Some(help) = followed.verdict.help() {
                eprintln!("  try: {help}");
            }
            eprintln!("  to go on: the same with --resume\nLogs: {}", self.logs.display());
            return Ok(followed.verdict.exit().into());
        }
        fs::remove_file(&base.folder().join(STICK))?;
        base.record.stage = base.record.stage.after(Seen::Through);
        base.record.ready = Some(now()?);
        base.record.os = followed.os();
        base.save()?;
        eprintln!("\nReady: the base image {}, in {}", base.name(), base.folder().display());
        eprintln!("  try: cargo xtask vm run");
        Ok(followed.verdict.exit().into())
    }
}

fn now() -> Result<u64> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Ok(now.context("the clock is before 1970")?.as_secs())
}

/// Sees to test signing, which takes a restart where it is off, and ends with the machine off.
fn plan() -> Plan {
    let step = |id: &str, set, needs: &[&str]| Step {
        id: id.to_owned(),
        action: Action::CheckSigning { set },
        limit_seconds: 1800,
        needs: needs.iter().map(|&need| need.to_owned()).collect(),
        always: false,
    };
    Plan {
        version: VERSION,
        name: "prepare".to_owned(),
        most_boots: 4,
        at_end: AtEnd::ShutDown,
        steps: vec![step("set-signing", true, &[]), step("signing", false, &["set-signing"])],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_can_be_run_and_ends_with_the_machine_off() {
        plan().check().unwrap();
        assert_eq!(plan().at_end, AtEnd::ShutDown);
    }

    #[test]
    fn a_base_image_is_begun_resumed_and_never_made_twice() {
        use clap::Parser as _;
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            arguments: Arguments,
        }
        let home = tempfile::tempdir().unwrap();
        let iso = home.path().join("windows.iso");
        std::fs::write(&iso, "medium").unwrap();
        let arguments = |more: &[&str]| {
            let words = [&["prepare", "--iso", iso.to_str().unwrap()], more].concat();
            Line::try_parse_from(words).unwrap().arguments
        };
        let folder = home.path().join(arguments(&[]).name().unwrap());
        let mut base = open(&folder, &arguments(&[])).unwrap();
        assert_eq!((base.name().as_str(), base.record.stage), ("windows", Stage::Blank));
        assert_eq!(base.record.source_sha256, sha256(b"medium"));
        let said = |more: &[&str]| open(&folder, &arguments(more)).unwrap_err().to_string();
        assert!(said(&[]).contains("--resume"));
        assert!(said(&["--resume", "--firmware", "bios"]).contains("--firmware"));
        open(&folder, &arguments(&["--resume"])).unwrap();
        base.record.ready = Some(1);
        base.save().unwrap();
        assert!(said(&["--resume"]).contains("vm run --base windows"));
    }
}
