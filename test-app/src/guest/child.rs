//! Programs with a time limit. What they write goes to files: it is there even if the machine goes
//! down while they run.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::system::{Call, Ran};

/// How long a program that was ended may still be there: it cannot go while a driver holds one of
/// its requests.
const GRACE: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(20);

/// Runs a program to its end or its limit.
#[must_use]
pub fn run(program: &Path, call: &Call<'_>) -> Ran {
    let started = start(program, call);
    let mut child = match started {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ran::Missing,
        Err(error) => return Ran::NotStarted(error.to_string()),
    };
    if let Some(status) = wait(&mut child, call.limit) {
        // None is a Unix signal.
        return Ran::Ended(status.code().map_or(-1, i64::from));
    }
    // Whether it can be or not, the guest goes on.
    let _ = child.kill();
    wait(&mut child, GRACE);
    Ran::TimedOut
}

fn start(program: &Path, call: &Call<'_>) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.args(call.arguments).stdin(Stdio::null());
    command.stdout(File::create(call.output)?).stderr(File::create(call.errors)?);
    command.spawn()
}

fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if start.elapsed() >= limit {
            return None;
        }
        thread::sleep(TICK);
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::super::system::Program;
    use super::*;

    fn shell(script: &str, limit: Duration) -> (Ran, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let (output, errors) = (folder.path().join("output"), folder.path().join("errors"));
        let arguments = ["-c".to_owned(), script.to_owned()];
        let call = Call {
            program: Program::Own,
            arguments: &arguments,
            output: &output,
            errors: &errors,
            limit,
        };
        let ran = run(Path::new("/bin/sh"), &call);
        let read = |path| std::fs::read_to_string(path).unwrap();
        (ran, read(output), read(errors))
    }

    #[test]
    fn code_output_and_errors_are_kept() {
        let (ran, output, errors) = shell("echo out; echo err >&2; exit 8", Duration::from_secs(9));
        assert_eq!((ran, &*output, &*errors), (Ran::Ended(8), "out\n", "err\n"));
    }

    #[test]
    fn what_takes_too_long_is_ended_and_what_it_wrote_stays() {
        let start = Instant::now();
        let (ran, output, _) = shell("echo begun; exec sleep 60", Duration::from_millis(300));
        assert_eq!((ran, &*output), (Ran::TimedOut, "begun\n"));
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn what_is_not_there_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let call = Call {
            program: Program::Own,
            arguments: &[],
            output: &file,
            errors: &file,
            limit: Duration::from_secs(1),
        };
        assert_eq!(run(Path::new("/no/such/program"), &call), Ran::Missing);
    }
}
