//! The guest on Windows, and on Wine as far as Wine goes.

mod port;
mod power;
mod system;
mod volume;

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use pagewise_vm_plan::guest::End;
use pagewise_vm_plan::manifest::{MANIFEST, Manifest, PACKAGE};
use pagewise_vm_plan::plan::AtEnd;
use pagewise_vm_plan::play::{Port, play};

use super::system::{Call, Program, Ran, System as _};
use super::{Ended, Guest, Options, Status, hand_over, task};
use crate::error::Error;
use crate::exit::Exit;
use system::Windows;

/// How long a hand-over disk may take to appear after boot.
const PATIENCE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_secs(1);
/// How often this program starts the package's again after it died.
const MOST_DEATHS: u32 = 3;
/// Name of this program's copy.
const COPY: &str = "test-app.exe";

/// Plays the plan of the hand-over disk, from wherever it stands.
///
/// # Errors
/// [`Error::Skipped`] without such a disk; [`Error::HandOver`] where it is refused, which the host
/// is told; [`Error::Win32`] for the port.
pub fn run(options: &Options) -> Result<Ended, Error> {
    match &options.handover {
        Some(root) => run_here(root, &options.serial),
        None => run_package(&options.serial),
    }
}

/// As the task at boot: the hand-over disk's own program does it, since it belongs to the package.
/// If it dies, it is started again, and goes on.
fn run_package(serial: &str) -> Result<Ended, Error> {
    let root = wait_for_disk()?;
    let program = root.join(PACKAGE).join(COPY);
    if !is_listed(&root, &program) {
        // It checks the rest itself, and tells the host.
        return run_here(&root, serial);
    }
    for _ in 0..MOST_DEATHS {
        let mut command = Command::new(&program);
        command.args(["guest", "run", "--serial", serial, "--handover"]).arg(&root);
        let status = command.status().map_err(|source| Error::File {
            what: "start",
            path: program.clone(),
            source,
        })?;
        let code = status.code();
        let is = |exit: Exit| code == Some(i32::from(exit as u8));
        if is(Exit::Ok) || is(Exit::CheckFailed) {
            return Ok(Ended::Over(is(Exit::Ok)));
        }
        if is(Exit::Restart) {
            return Ok(Ended::Restarting);
        }
        if is(Exit::Usage) || is(Exit::System) || is(Exit::AccessDenied) {
            return Err(Error::HandOver("the package's test-app has said why".to_owned()));
        }
    }
    Err(Error::HandOver(format!("the package's test-app ended unasked {MOST_DEATHS} times")))
}

fn wait_for_disk() -> Result<PathBuf, Error> {
    let mut waited = Duration::ZERO;
    loop {
        if let Some(root) = volume::find() {
            return Ok(root);
        }
        if waited >= PATIENCE {
            let label = pagewise_vm_plan::manifest::LABEL;
            return Err(Error::Skipped(format!("no volume has the label {label}")));
        }
        thread::sleep(TICK);
        waited += TICK;
    }
}

/// Whether the disk's own program is the one that the host put there.
fn is_listed(root: &Path, program: &Path) -> bool {
    let manifest = fs::read(root.join(MANIFEST)).ok();
    let manifest = manifest.and_then(|bytes| Manifest::read(&bytes).ok());
    let path = format!("{PACKAGE}/{COPY}");
    let entry = manifest.and_then(|all| all.files.into_iter().find(|one| one.path == path));
    let found = fs::File::open(program).and_then(pagewise_vm_plan::manifest::digest).ok();
    entry.is_some_and(|entry| found == Some((entry.bytes, entry.sha256)))
}

fn run_here(root: &Path, serial: &str) -> Result<Ended, Error> {
    let port: Box<dyn Port> = match port::open(serial)? {
        Some(port) => Box::new(port),
        None => {
            eprintln!(
                "warning: there is no {serial}: the host learns of the run by its disk alone"
            );
            Box::new(io::empty())
        }
    };
    let mut guest = Guest::new(Windows, root.to_owned());
    match play(root, port, &mut guest) {
        Ok(End::Restarting) => Ok(Ended::Restarting),
        Ok(End::Over(at_end)) => {
            if at_end == AtEnd::ShutDown {
                power::shut_down()?;
            }
            let finished = hand_over::look(root).and_then(|state| state.finished());
            Ok(Ended::Over(finished.is_some_and(|tally| tally.is_good())))
        }
        Err(refused) => {
            // The host knows; a machine that stays on would have to be ended by force.
            power::shut_down()?;
            Err(Error::HandOver(refused.0))
        }
    }
}

/// Makes this machine a test VM: a copy of this program, and the task that starts it at boot. What
/// was done, for people.
///
/// # Errors
/// [`Error::NotElevated`], [`Error::File`], [`Error::Tool`]
pub fn setup(serial: &str) -> Result<Vec<String>, Error> {
    if !crate::win32::token::is_elevated() {
        return Err(Error::NotElevated);
    }
    let folder = home();
    let program = folder.join(COPY);
    let failed = |what| {
        let path = program.clone();
        move |source| Error::File { what, path, source }
    };
    fs::create_dir_all(&folder).map_err(failed("make"))?;
    let own = env::current_exe().map_err(failed("find"))?;
    if own != program {
        fs::copy(own, &program).map_err(failed("copy this program to"))?;
    }
    let xml = folder.join("guest.xml");
    let text = task::file(&task::xml(&program, serial));
    fs::write(&xml, text).map_err(failed("write the task for"))?;
    let path = xml.display().to_string();
    schtasks(&["/create", "/tn", task::NAME, "/xml", &path, "/f"])?;
    // Only for the line above.
    let _ = fs::remove_file(&xml);
    Ok(vec![format!("program  {}", program.display()), format!("task     {}", task::NAME)])
}

/// Takes all that back. What was removed, for people.
///
/// # Errors
/// As [`setup`].
pub fn remove() -> Result<Vec<String>, Error> {
    if !crate::win32::token::is_elevated() {
        return Err(Error::NotElevated);
    }
    let mut done = Vec::new();
    if has_task() {
        schtasks(&["/delete", "/tn", task::NAME, "/f"])?;
        done.push(format!("task     {}", task::NAME));
    }
    let program = home().join(COPY);
    if program.is_file() {
        let path = program.clone();
        fs::remove_file(&program).map_err(|source| Error::File { what: "remove", path, source })?;
        done.push(format!("program  {}", program.display()));
    }
    // Other files in it are not this program's.
    let _ = fs::remove_dir(home());
    system::forget_start();
    Ok(done)
}

/// What this machine is, and how far the plan of its hand-over disk is, or of the one that is named.
///
/// # Errors
/// None: what is not there is part of the answer.
pub fn status(handover: Option<&Path>) -> Result<Status, Error> {
    let root = handover.map(Path::to_owned).or_else(volume::find);
    Ok(hand_over::status(has_task(), root))
}

/// Folder of this program's copy.
fn home() -> PathBuf {
    let folder = env::var_os("ProgramFiles");
    folder.map_or_else(|| PathBuf::from(r"C:\Program Files"), PathBuf::from).join("Pagewise")
}

fn has_task() -> bool {
    schtasks(&["/query", "/tn", task::NAME]).is_ok()
}

/// The program of the task scheduler
/// (learn.microsoft.com/windows-server/administration/windows-commands/schtasks).
fn schtasks(arguments: &[&str]) -> Result<(), Error> {
    const TOOL: &str = "schtasks.exe";
    let folder = env::temp_dir();
    let (output, errors) =
        (folder.join("pagewise-task.txt"), folder.join("pagewise-task-errors.txt"));
    let arguments: Vec<String> = arguments.iter().map(|&one| one.to_owned()).collect();
    let limit = Duration::from_secs(60);
    let call = Call {
        program: Program::Tool(TOOL),
        arguments: &arguments,
        output: &output,
        errors: &errors,
        limit,
    };
    let ran = Windows.run(&call);
    let said = fs::read(&errors).unwrap_or_default();
    for file in [output, errors] {
        // In the folder for temporary files, where it does no harm.
        let _ = fs::remove_file(file);
    }
    let what = match ran {
        Ran::Ended(0) => return Ok(()),
        Ran::Ended(code) => {
            format!("ended with code {code}: {}", String::from_utf8_lossy(&said).trim())
        }
        Ran::TimedOut => "did not end in time".to_owned(),
        Ran::Missing => "is not on this system".to_owned(),
        Ran::NotStarted(why) => format!("could not be started: {why}"),
    };
    Err(Error::Tool { tool: format!("{TOOL} {}", arguments[0]), what })
}
