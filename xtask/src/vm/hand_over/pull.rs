//! Pulling out what the guest left in `out`. The guest may have died while it wrote, and may be
//! anything: names, sizes and links between clusters are its own.

use std::fs::File;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use fatfs::{Dir, FileSystem, FsOptions};
use pagewise_vm_plan::manifest::{OUT, is_inside, sha256};
use serde::{Deserialize, Serialize};

use super::{SIZE, Volume, volume};
use crate::fs;

/// How deep folders may lie in each other.
const DEEPEST: usize = 4;
/// How many files there may be.
const MOST: usize = 1000;

/// A file that was pulled out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulled {
    /// Its path in `out`, with `/`.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256, in hexadecimal.
    pub sha256: String,
}

/// Copies all files of the disk's `out` below a folder.
pub fn pull(disk: &Path, to: &Path) -> Result<Vec<Pulled>> {
    let file = File::options().read(true).write(true).open(disk);
    let file = file.with_context(|| format!("cannot open {}", disk.display()))?;
    let read = || format!("cannot read the file system on {}", disk.display());
    let system = FileSystem::new(volume(file)?, FsOptions::new()).with_context(read)?;
    let out = system.root_dir().open_dir(OUT).with_context(read)?;
    let mut puller = Puller { to, pulled: Vec::new(), left: SIZE };
    puller.folder(&out, "", 0)?;
    puller.pulled.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(puller.pulled)
}

struct Puller<'a> {
    to: &'a Path,
    pulled: Vec<Pulled>,
    /// No disk holds more: chains of clusters that run in circles do.
    left: u64,
}

impl Puller<'_> {
    fn folder(&mut self, folder: &Dir<'_, Volume>, path: &str, depth: usize) -> Result<()> {
        for entry in folder.iter() {
            let entry = entry.with_context(|| format!("cannot list out/{path}"))?;
            let name = entry.file_name();
            if name == "." || name == ".." {
                continue;
            }
            let inside = if path.is_empty() { name } else { format!("{path}/{name}") };
            if !is_inside(&inside) || depth > DEEPEST || self.pulled.len() >= MOST {
                bail!("out/{} is no name, too deep, or one too many", inside.escape_debug());
            }
            if entry.is_dir() {
                self.folder(&entry.to_dir(), &inside, depth + 1)?;
            } else {
                self.file(entry.to_file(), inside)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, from: fatfs::File<'_, Volume>, name: String) -> Result<()> {
        let mut bytes = Vec::new();
        from.take(self.left + 1)
            .read_to_end(&mut bytes)
            .with_context(|| format!("cannot read out/{name}"))?;
        let size = bytes.len() as u64;
        self.left = self.left.checked_sub(size).context("out holds more than the disk")?;
        let path: PathBuf = self.to.join(&name);
        if let Some(folder) = path.parent() {
            fs::create_dir(folder)?;
        }
        let mut file =
            File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        file.write_all(&bytes).with_context(|| format!("cannot write {}", path.display()))?;
        self.pulled.push(Pulled { name, bytes: size, sha256: sha256(&bytes) });
        Ok(())
    }
}
