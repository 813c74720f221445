//! Pulling in a process of its own: the file system was written by a guest, and no reader of such
//! is known to end, in order, on every one.

use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::pull::{Pulled, pull};
use crate::exit::Exit;
use crate::run;

/// How long it may take.
const LIMIT: Duration = Duration::from_secs(120);

/// What the other process is told.
#[derive(clap::Args)]
pub struct Arguments {
    /// The disk's image.
    disk: PathBuf,
    /// Where the files go.
    to: PathBuf,
}

/// [`pull`] in another process.
pub fn pull_apart(disk: &Path, to: &Path) -> Result<Vec<Pulled>> {
    crate::fs::create_dir(to)?;
    let mut list = tempfile::tempfile().context("cannot make a file for the list")?;
    let mut said = tempfile::tempfile().context("cannot make a file for errors")?;
    let mut child = run::command(run::this_program()?)
        .args(["vm", "pull"])
        .args([disk, to])
        .stdin(Stdio::null())
        .stdout(list.try_clone()?)
        .stderr(said.try_clone()?)
        .spawn()
        .context("cannot start the reader")?;
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if began.elapsed() > LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            bail!("its file system was not read within {} s", LIMIT.as_secs());
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    ensure!(status.success(), "{} ({status})", all(&mut said)?.trim());
    serde_json::from_str(&all(&mut list)?).context("the reader's list is no JSON")
}

/// The other process.
pub fn pull_here(arguments: &Arguments) -> Result<ExitCode> {
    println!("{}", serde_json::to_string(&pull(&arguments.disk, &arguments.to)?)?);
    Ok(Exit::Done.into())
}

fn all(file: &mut std::fs::File) -> Result<String> {
    use std::io::{Read as _, Seek as _};
    let mut text = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
