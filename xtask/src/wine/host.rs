//! The Wine that is installed on this host.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::run;
use crate::setup::{self, Need};

/// What Wine comes in: the 64-bit loader, which brings the server along. The package `wine` adds
/// scripts only.
const NEEDS: &[Need] = &[Need {
    package: "wine64",
    purpose: "is an independent NT host for the driver",
    found: || Programs::find().is_some(),
}];

/// Where Debian has the programs; `/usr/bin/wine64` may be a script that asks for wine32.
const DEBIAN: &str = "/usr/lib/wine";

/// Paths of the programs.
struct Programs {
    loader: PathBuf,
    server: PathBuf,
}

impl Programs {
    fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> =
            std::iter::once(PathBuf::from(DEBIAN)).chain(std::env::split_paths(&path)).collect();
        let first = |names: &[&str]| {
            let all = folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name)));
            all.into_iter().find(|program| program.is_file())
        };
        Some(Self { loader: first(&["wine64", "wine"])?, server: first(&["wineserver"])? })
    }
}

/// An installed Wine.
#[derive(Clone, Debug)]
pub struct Host {
    /// Starts Windows programs.
    loader: PathBuf,
    /// Holds what they share.
    server: PathBuf,
    /// As the loader says it.
    version: String,
}

impl Host {
    /// Finds Wine; installs it where it is missing.
    pub fn provide() -> Result<Self> {
        setup::provide(NEEDS)?;
        let Programs { loader, server } = Programs::find().context("Wine is not there")?;
        let mut asked = run::command(&loader);
        let version = run::quiet(asked.arg("--version"))?.trim().to_owned();
        Ok(Self { loader, server, version })
    }

    /// The program that starts Windows programs.
    pub fn loader(&self) -> &Path {
        &self.loader
    }

    /// The program that holds what they share.
    pub fn server(&self) -> &Path {
        &self.server
    }

    /// Such as `wine-8.0 (Debian 8.0~repack-4)`.
    pub fn version(&self) -> &str {
        &self.version
    }
}
