//! Base images: an installed Windows each, below `target/vm/base`, made once by `vm prepare` and
//! never written to again.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::machine::Boot;
use super::prepare::Stage;
use crate::error::Error;
use crate::fs;

/// The system's disk.
pub const DISK: &str = "disk.qcow2";
/// The firmware's variables.
const VARIABLES: &str = "variables.fd";
/// What is known of it.
const RECORD: &str = "base.json";
/// Version of the record's form.
const VERSION: u32 = 1;

/// What a base image was made of, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// [`VERSION`].
    pub version: u32,
    /// The file's name.
    pub source: String,
    /// The file's SHA-256.
    pub source_sha256: String,
    /// What starts it.
    pub firmware: Firmware,
    /// How far it is.
    pub stage: Stage,
    /// Seconds since 1970 at which it became ready; none, and it is not.
    pub ready: Option<u64>,
    /// The system, as the guest named it.
    pub os: Option<String>,
}

/// What starts a base image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Firmware {
    /// UEFI, without Secure Boot.
    Uefi,
    /// The PC's BIOS of old.
    Bios,
}

/// A base image.
#[derive(Clone, Debug)]
pub struct Base {
    folder: PathBuf,
    /// What is known of it.
    pub record: Record,
}

impl Record {
    /// Of an image that is not ready.
    pub fn new(source: String, source_sha256: String, firmware: Firmware) -> Self {
        let (stage, ready, os) = (Stage::Blank, None, None);
        Self { version: VERSION, source, source_sha256, firmware, stage, ready, os }
    }
}

impl Base {
    /// The one in this folder, ready or not.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(RECORD);
        let record: Record = serde_json::from_slice(&fs::read(&path)?)
            .with_context(|| format!("cannot read {}", path.display()))?;
        anyhow::ensure!(
            record.version == VERSION,
            "{} has version {}, and this program knows {VERSION}",
            path.display(),
            record.version
        );
        Ok(Self { folder: folder.to_owned(), record })
    }

    /// A new one.
    pub fn create(folder: &Path, record: Record) -> Result<Self> {
        fs::create_dir(folder)?;
        let base = Self { folder: folder.to_owned(), record };
        base.save()?;
        Ok(base)
    }

    /// The one that became ready last; or the one of this name.
    pub fn choose(bases: &Path, name: Option<&str>) -> Result<Self> {
        let mut ready = Vec::new();
        for folder in if bases.is_dir() { fs::entries(bases)? } else { Vec::new() } {
            let base = Self::open(&folder);
            ready.extend(base.ok().filter(|base| base.record.ready.is_some()));
        }
        ready.retain(|base| name.is_none_or(|name| base.name() == name));
        let newest = ready.into_iter().max_by_key(|base| base.record.ready);
        Ok(newest.ok_or_else(|| Error::NoBaseImage {
            folder: bases.to_owned(),
            name: name.map(str::to_owned),
        })?)
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Its disk.
    pub fn disk(&self) -> PathBuf {
        self.folder.join(DISK)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes down what is known of it.
    pub fn save(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.record).context("the record is no JSON")?;
        fs::write_if_changed(&self.folder.join(RECORD), text.as_bytes())?;
        Ok(())
    }

    /// What starts it, with firmware variables of its own.
    pub fn own_boot(&self) -> Result<Boot> {
        self.boot(&self.folder)
    }

    /// What starts a throw-away copy of it in this folder.
    pub fn boot(&self, folder: &Path) -> Result<Boot> {
        if self.record.firmware == Firmware::Bios {
            return Ok(Boot::Bios);
        }
        let variables = folder.join(VARIABLES);
        let kept = self.folder.join(VARIABLES);
        if !variables.is_file() {
            let from = if kept.is_file() { kept } else { PathBuf::from(super::UEFI_VARIABLES) };
            fs::copy_if_changed(&from, &variables)?;
        }
        Ok(Boot::Uefi { code: PathBuf::from(super::UEFI_CODE), variables })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(ready: Option<u64>) -> Record {
        let record = Record::new("win.iso".to_owned(), "00".to_owned(), Firmware::Bios);
        Record { ready, ..record }
    }

    #[test]
    fn the_newest_ready_one_is_chosen_and_none_is_told() {
        let bases = tempfile::tempdir().unwrap();
        let error = Base::choose(&bases.path().join("none"), None).unwrap_err();
        assert!(error.to_string().contains("cargo xtask vm prepare --iso"), "{error}");
        for (name, ready) in [("a", Some(5)), ("b", Some(9)), ("c", None)] {
            Base::create(&bases.path().join(name), record(ready)).unwrap();
        }
        fs::write_if_changed(&bases.path().join("broken").join(RECORD), b"no JSON").unwrap();
        let chosen = |name| Base::choose(bases.path(), name).map(|base| base.name());
        assert_eq!(chosen(None).unwrap(), "b");
        assert_eq!(chosen(Some("a")).unwrap(), "a");
        let error = chosen(Some("c")).unwrap_err();
        assert!(error.to_string().contains("no base image c"), "{error}");
    }

    #[test]
    fn another_version_is_not_guessed_at() {
        let folder = tempfile::tempdir().unwrap();
        let record = Record { version: 2, ..record(None) };
        Base::create(folder.path(), record).unwrap();
        assert!(Base::open(folder.path()).unwrap_err().to_string().contains("has version 2"));
    }
}
