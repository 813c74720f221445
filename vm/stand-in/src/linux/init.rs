//! As `/init`: what a kernel leaves to its first process.

mod volume;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use rustix::mount::{MountFlags, mount};
use rustix::system::finit_module;

use super::power::Power;
use super::{Places, play_here};
use crate::misbehave::{self, Misbehaviour};

/// Kernel modules, loaded in the order of their names.
const MODULES: &str = "/modules";
const HANDOVER: &str = "/hand-over";
/// A file system in memory: empty after every boot.
const VOLATILE: &str = "/run";
/// How long the disk may take to appear.
const PATIENCE: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(100);

pub(super) fn main() -> ExitCode {
    for (kind, folder) in
        [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("tmpfs", VOLATILE)]
    {
        if let Err(error) = mount_at(kind, kind, Path::new(folder)) {
            eprintln!("stand-in: cannot mount {kind} at {folder}: {error}");
        }
    }
    load_modules();
    let line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let wrong = wrong(&line);
    // Before the disk: a machine that never starts needs none.
    if !wrong.contains(&Misbehaviour::NeverStarts)
        && let Err(what) = mount_handover()
    {
        eprintln!("stand-in: {what}");
    }
    let serial = PathBuf::from("/dev").join(option(&line, "standin.serial=").unwrap_or("ttyS0"));
    let places =
        Places { handover: Path::new(HANDOVER), serial: &serial, volatile: Path::new(VOLATILE) };
    play_here(&places, wrong, Power::Machine)
}

fn option<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split_whitespace().find_map(|word| word.strip_prefix(name))
}

fn wrong(line: &str) -> Vec<Misbehaviour> {
    misbehave::parse(option(line, "standin.misbehave=").unwrap_or_default()).unwrap_or_else(
        |what| {
            // Rather nothing than something that nobody asked for.
            eprintln!("stand-in: {what}");
            vec![Misbehaviour::NeverStarts]
        },
    )
}

fn mount_at(source: &str, kind: &str, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    mount(source, folder, kind, MountFlags::empty(), None)?;
    Ok(())
}

fn load_modules() {
    let Ok(entries) = fs::read_dir(MODULES) else { return };
    let mut modules: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    modules.sort();
    for module in modules {
        let loaded = File::open(&module)
            .and_then(|file| finit_module(file, c"", 0).map_err(io::Error::from));
        match loaded {
            Ok(()) => {}
            // It is built in, or was there.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => eprintln!("stand-in: cannot load {}: {error}", module.display()),
        }
    }
}

/// Mounts the volume with the label, which may take a while to appear.
fn mount_handover() -> Result<(), String> {
    let mut waited = Duration::ZERO;
    let device = loop {
        if let Some(device) = volume::find(pagewise_vm_plan::manifest::LABEL) {
            break device;
        }
        if waited >= PATIENCE {
            return Err("no disk has a volume with the label PAGEWISE".to_owned());
        }
        thread::sleep(TICK);
        waited += TICK;
    };
    let source = device.to_string_lossy().into_owned();
    mount_at(&source, "vfat", Path::new(HANDOVER))
        .map_err(|error| format!("cannot mount {source}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_says_what_goes_wrong() {
        let line = "console=ttyS0 standin.misbehave=flood,hang:install panic=1\n";
        assert_eq!(wrong(line), [Misbehaviour::Flood, Misbehaviour::Hang("install".to_owned())]);
        assert!(wrong("quiet").is_empty());
        assert_eq!(wrong("standin.misbehave=explode"), [Misbehaviour::NeverStarts]);
    }
}
