//! A running Windows of Wine: from the start of its server to the end of all its processes.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::host::Host;
use super::keeper::Keeper;
use super::machine;
use super::prefix::Prefix;
use crate::run;

/// What the kernel's side may say: errors, what drivers print, and where images are. Whoever starts
/// first decides that for the services, which run the drivers.
const KERNEL_SAYS: &str = "-all,err+all,+debugstr,+loaddll";

/// How long starting and stopping may take.
const LIMIT: Duration = Duration::from_secs(120);

/// How often a waiting one looks.
const TICK: Duration = Duration::from_millis(10);

/// Variables of the user's that would give Wine a screen, other DLLs or another architecture.
const NOT_OURS: [&str; 6] =
    ["DISPLAY", "WAYLAND_DISPLAY", "WINEARCH", "WINEDLLPATH", "WINELOADER", "WINESERVER"];

/// What becomes of the prefix at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It stays.
    Keep,
    /// It is removed.
    Remove,
}

/// A server, and the services that run drivers.
pub struct Session {
    host: Host,
    prefix: PathBuf,
    log: PathBuf,
    _keeper: Keeper,
}

impl Session {
    /// Starts the server, to stay, and the services.
    pub fn start(host: &Host, prefix: &Prefix, end: End) -> Result<Self> {
        let folder = prefix.folder();
        let doomed = (end == End::Remove).then_some(folder);
        let session = Self {
            host: host.clone(),
            prefix: folder.to_owned(),
            log: folder.join("machine.log"),
            _keeper: Keeper::start(host.server(), folder, doomed)?,
        };
        session.server("-p")?;
        let log = std::fs::File::create(&session.log)
            .with_context(|| format!("cannot make {}", session.log.display()))?;
        let mut boot = session.command("wineboot");
        boot.env("WINEDEBUG", KERNEL_SAYS);
        boot.stdout(log.try_clone()?).stderr(log);
        let status = wait(&mut boot.spawn()?, "starting Wine", LIMIT)?;
        if status != 0 {
            bail!("Wine does not start (exit code {status}){}", session.said());
        }
        Ok(session)
    }

    /// A Windows program, in the environment of this session.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = run::command(self.host.loader());
        command.arg(program.as_ref());
        self.environment(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The user's home would otherwise be linked into the prefix.
    fn environment(&self, command: &mut Command) {
        for name in NOT_OURS {
            command.env_remove(name);
        }
        command.env("WINEPREFIX", &self.prefix).env("HOME", &self.prefix);
        command.env("WINEDEBUG", "-all").env("WINEDLLOVERRIDES", "mscoree,mshtml,winedbg.exe=");
    }

    /// Runs a program to its end, for so long at most; its exit code.
    pub fn run(&self, mut command: Command, doing: &str, limit: Duration) -> Result<i32> {
        let name = run::name(&command);
        let mut child = command.spawn().with_context(|| format!("cannot run {name}"))?;
        wait(&mut child, doing, limit)
    }

    /// [`Session::run`] with what the program writes shown as it comes. It never sees a terminal:
    /// Wine would take that for a console of its own and draw on it.
    pub fn show(&self, mut command: Command, doing: &str, limit: Duration) -> Result<i32> {
        let name = run::name(&command);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot run {name}"))?;
        let pumps = [
            child.stdout.take().map(|from| pump(from, std::io::stdout())),
            child.stderr.take().map(|from| pump(from, std::io::stderr())),
        ];
        let status = wait(&mut child, doing, limit)?;
        for pump in pumps.into_iter().flatten() {
            let _ = pump.join();
        }
        Ok(status)
    }

    /// Ends the server and every program; the registry is then in its files.
    pub fn stop(&self) -> Result<()> {
        self.server("-k")
    }

    fn server(&self, argument: &str) -> Result<()> {
        let mut server = run::command(self.host.server());
        self.environment(&mut server);
        server.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let name = run::name(&server);
        let mut child = server.spawn().with_context(|| format!("cannot run {name}"))?;
        // It ends with 1 where there was none to stop.
        wait(&mut child, &name, LIMIT).map(drop)
    }

    /// What the kernel's side wrote so far.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The same as the end of an error message.
    pub fn said(&self) -> String {
        let said = machine::worth_reading(&self.log());
        if said.is_empty() { said } else { format!("\nWhat the machine said:\n{said}") }
    }
}

/// Waits for a process, kills it at the limit.
fn wait(child: &mut Child, doing: &str, limit: Duration) -> Result<i32> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            // Ended by a signal, it decided nothing: that is a failure.
            return Ok(status.code().unwrap_or(1));
        }
        if began.elapsed() > limit {
            let _ = child.kill();
            let _ = child.wait();
            bail!("{doing}: no end within {} s", limit.as_secs());
        }
        thread::sleep(TICK);
    }
}

/// Hands lines on as they come.
fn pump(
    from: impl Read + Send + 'static,
    mut to: impl std::io::Write + Send + 'static,
) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut lines = BufReader::new(from);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
            if to.write_all(&line).and_then(|()| to.flush()).is_err() {
                return;
            }
            line.clear();
        }
    })
}

/// A path of this host as Windows programs name it.
pub fn windows_path(path: &Path) -> String {
    format!("Z:{}", path.display().to_string().replace('/', "\\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_drive_z() {
        assert_eq!(windows_path(Path::new("/tmp/a b/c")), r"Z:\tmp\a b\c");
    }

    #[test]
    fn what_takes_too_long_is_ended_and_said() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let error = wait(&mut child, "sleeping", Duration::from_millis(30)).unwrap_err();
        assert!(error.to_string().contains("sleeping: no end within"), "{error}");
        assert!(child.try_wait().unwrap().is_some());
    }
}
