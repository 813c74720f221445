//! Debian's Linux kernel for clouds, fetched and unpacked below `target/vm`: nothing is installed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::modules;
use crate::fs;
use crate::progress::Step;
use crate::run;
use crate::setup;

/// The package that depends on the newest one.
const NEWEST: &str = "linux-image-cloud-amd64";

/// What the stand-in needs to read its hand-over disk, and what Debian does not build in.
const NEEDED: &[&str] = &["ata_piix", "sd_mod", "vfat", "nls_cp437", "nls_ascii", "nls_iso8859_1"];

/// A kernel, and the modules to load into it.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// The kernel, as QEMU loads it.
    pub image: PathBuf,
    /// The modules, each after those that it needs.
    pub modules: Vec<PathBuf>,
}

impl Kernel {
    /// The one in `home`; fetched if there is none.
    pub fn provide(home: &Path) -> Result<Self> {
        let kept = home.join("kernel");
        if !kept.is_dir() {
            fetch(home, &kept)?;
        }
        Self::of(&kept)
    }

    /// The one in this folder: `vmlinuz`, and the modules by their order.
    fn of(folder: &Path) -> Result<Self> {
        Ok(Self { image: folder.join("vmlinuz"), modules: fs::entries(&folder.join("modules"))? })
    }
}

/// Whoever is interrupted leaves no half of a kernel behind.
fn fetch(home: &Path, kept: &Path) -> Result<()> {
    let step = Step::start("Fetching a Linux kernel for the stand-in");
    fs::create_dir(home)?;
    let work = tempfile::Builder::new().prefix("kernel-").tempdir_in(home)?;
    step.detail(NEWEST);
    // Lists that are too old name no package, or one that is gone.
    let package = match download(work.path()) {
        Ok(package) => package,
        Err(_) => {
            setup::update_package_lists()?;
            download(work.path())?
        }
    };
    let archive = fs::entries(work.path())?.pop().context("apt-get downloaded nothing")?;
    let unpacked = work.path().join("unpacked");
    run::quiet(run::command("dpkg-deb").arg("--extract").arg(&archive).arg(&unpacked))?;

    let chosen = work.path().join("chosen");
    let image = fs::entries(&unpacked.join("boot"))?
        .into_iter()
        .find(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz"))
        })
        .with_context(|| format!("{package} has no kernel in /boot"))?;
    fs::copy_if_changed(&image, &chosen.join("vmlinuz"))?;
    for (place, (name, content)) in modules::in_order(&unpacked, NEEDED)?.into_iter().enumerate() {
        let file = chosen.join("modules").join(format!("{place:02}-{name}.ko"));
        fs::write_if_changed(&file, &content)?;
    }
    std::fs::rename(&chosen, kept).context("cannot keep the kernel")?;
    step.done();
    Ok(())
}

/// Downloads the package with the newest kernel into a folder; its name.
fn download(folder: &Path) -> Result<String> {
    let package = newest()?;
    let mut download = run::command("apt-get");
    run::quiet(download.current_dir(folder).args(["--quiet", "download", &package]))?;
    Ok(package)
}

/// The package with the newest kernel.
fn newest() -> Result<String> {
    let mut ask = run::command("apt-cache");
    let said = run::quiet(ask.args(["depends", "--important", NEWEST]))?;
    depends(&said)
        .with_context(|| format!("{NEWEST} depends on no kernel\n  try: apt-get update, on Debian"))
}

/// The first real package that `apt-cache depends` names.
fn depends(said: &str) -> Option<String> {
    let names = said.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    names.map(str::trim).find(|name| name.starts_with("linux-image-")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_kernel_is_what_the_package_depends_on() {
        let said = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n  \
                    Depends: <other>\n";
        assert_eq!(depends(said).as_deref(), Some("linux-image-6.1.0-56-cloud-amd64"));
        assert_eq!(depends("linux-image-cloud-amd64\n"), None);
    }
}
