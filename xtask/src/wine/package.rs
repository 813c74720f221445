//! The package that is installed: the one that ships, around the driver that is verified.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use pagewise_package::authenticode;
use sha1::{Digest as _, Sha1};

use super::prefix::Prefix;
use crate::fs;
use crate::workspace::Workspace;

/// The driver's file.
const DRIVER: &str = "pagewise.sys";
/// The certificate that it is signed with, in DER, if it is.
const CERTIFICATE: &str = "pagewise.cer";
/// What else a package is made of.
const PARTS: [&str; 3] = ["pagewise.inf", "pagewise.pdb", "test-app.exe"];

/// A driver package in a folder.
pub struct Package {
    folder: PathBuf,
}

impl Package {
    /// A package that there is.
    pub fn of(folder: &Path) -> Result<Self> {
        let folder = std::path::absolute(folder).context("the package's folder has no path")?;
        for name in PARTS.into_iter().chain([DRIVER]) {
            ensure!(
                name == "pagewise.pdb" || folder.join(name).is_file(),
                "{} has no {name}\n  try: cargo xtask package",
                folder.display()
            );
        }
        Ok(Self { folder })
    }

    /// Makes one around a driver as `cargo xtask package` does.
    pub fn make(workspace: &Workspace, driver: &Path, out: &Path) -> Result<Self> {
        let parts = tempfile::tempdir().context("cannot make a folder for a package")?;
        let artifacts = workspace.artifacts();
        for name in PARTS {
            fs::link(&artifacts.join(name), &parts.path().join(name))?;
        }
        let driver = std::path::absolute(driver).context("the driver has no path")?;
        fs::link(&driver, &parts.path().join(DRIVER))?;
        crate::package::make(parts.path(), out)?;
        Self::of(out)
    }

    /// The test app of the package.
    pub fn test_app(&self) -> PathBuf {
        self.folder.join("test-app.exe")
    }

    /// What names its traces on a machine, in lower case: whatever has the driver's name, and the
    /// certificate, which stores know by its digest.
    pub fn names(&self) -> Result<Vec<String>> {
        let mut names = vec!["pagewise".to_owned()];
        let certificate = self.folder.join(CERTIFICATE);
        if certificate.is_file() {
            let digest = Sha1::digest(fs::read(&certificate)?);
            names.push(digest.iter().map(|byte| format!("{byte:02x}")).collect());
        }
        Ok(names)
    }

    /// Fails unless what was installed is what was packaged, and that, without its signature, is
    /// the driver as it was built: byte for byte.
    pub fn is_installed(&self, prefix: &Prefix, driver: &Path) -> Result<()> {
        let packaged = fs::read(&self.folder.join(DRIVER))?;
        let windows = prefix.folder().join("drive_c/windows");
        let mut installed = fs::files_below(&windows)?;
        installed.retain(|file| file.file_name().is_some_and(|name| name == DRIVER));
        ensure!(!installed.is_empty(), "nothing below {} is {DRIVER}", windows.display());
        for file in installed {
            ensure!(
                fs::read(&file)? == packaged,
                "{} is not the {DRIVER} of the package",
                file.display()
            );
        }
        let bare = match authenticode::signature(&packaged) {
            Ok(_) => authenticode::strip(&packaged)?,
            Err(_) => packaged,
        };
        ensure!(
            bare == fs::read(driver)?,
            "the package's {DRIVER} is not {}, even without its signature",
            driver.display()
        );
        Ok(())
    }
}
