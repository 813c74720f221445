//! What is left to look at, whatever happened.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use pagewise_vm_plan::guest::Ended;
use pagewise_vm_plan::outcome::Outcome;

use super::super::system::{DumpFile, Ran};
use super::desk::Desk;

/// Bytes of a log's end.
const TAIL: u64 = 256 * 1024;
/// Bytes of the largest dump that is copied.
const LARGEST_DUMP: u64 = 64 * 1024 * 1024;

/// The System log's entries about drivers, services, bug checks and restarts.
const SYSTEM_LOG: &str = "*[System[Provider[@Name='Service Control Manager' or \
                          @Name='Microsoft-Windows-Kernel-PnP' or \
                          @Name='Microsoft-Windows-UserPnp' or \
                          @Name='Microsoft-Windows-DriverFrameworks-KernelMode' or \
                          @Name='Microsoft-Windows-WER-SystemErrorReporting' or \
                          @Name='Microsoft-Windows-Kernel-Power' or \
                          @Name='Application Popup' or @Name='pagewise']]]";
const CODE_INTEGRITY_LOG: &str = "Microsoft-Windows-CodeIntegrity/Operational";

/// Gathers what there is. What this system does not have is told; what it has and does not give is a
/// failure.
pub fn collect(desk: &mut Desk<'_>) -> Ended {
    let mut missed = Vec::new();
    tail(desk, &mut missed);
    dumps(desk, &mut missed);
    let query = format!("/q:{SYSTEM_LOG}");
    let calls: [(&'static str, &[&str], &str); 3] = [
        (
            "wevtutil.exe",
            &["qe", "System", &query, "/c:200", "/rd:true", "/f:text"],
            "system-log.txt",
        ),
        (
            "wevtutil.exe",
            &["qe", CODE_INTEGRITY_LOG, "/c:200", "/rd:true", "/f:text"],
            "code-integrity-log.txt",
        ),
        ("verifier.exe", &["/querysettings"], "verifier-settings-at-end.txt"),
    ];
    for (tool, arguments, name) in calls {
        let ran = desk.tool(tool, arguments, name);
        match ran.ran {
            Ran::Ended(0) => {}
            Ran::Missing => desk.say(format!("not collected: {name}; this system has no {tool}")),
            _ => missed.push(name.to_owned()),
        }
    }
    if missed.is_empty() {
        return Ended::With(Outcome::Passed);
    }
    Ended::With(Outcome::failed(format!("could not be collected: {}", missed.join(", "))))
}

/// The end of the log of installs.
fn tail(desk: &mut Desk<'_>, missed: &mut Vec<String>) {
    let log = desk.system.folder().join("INF").join("setupapi.dev.log");
    let name = "setupapi.dev.log.txt";
    match copy_tail(&log, &desk.out.join(name)) {
        Ok(()) => desk.note(name),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            desk.say(format!("not collected: {}; it is not there", log.display()));
        }
        Err(error) => missed.push(format!("{name} ({error})")),
    }
}

fn copy_tail(from: &Path, to: &Path) -> io::Result<()> {
    let mut file = File::open(from)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    fs::write(to, bytes)
}

/// The dumps of this run.
fn dumps(desk: &mut Desk<'_>, missed: &mut Vec<String>) {
    for DumpFile { path, bytes, .. } in desk.system.dump_files() {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if bytes > LARGEST_DUMP {
            desk.say(format!("not collected: {}, {bytes} bytes", path.display()));
            continue;
        }
        let name = format!("dumps/{file}");
        let copied = fs::create_dir_all(desk.out.join("dumps"))
            .and_then(|()| fs::copy(&path, desk.out.join("dumps").join(&file)));
        match copied {
            Ok(_) => desk.note(&name),
            Err(error) => missed.push(format!("{name} ({error})")),
        }
    }
}
