//! Prefixes: the folders in which Wine keeps a Windows. One is made once, with the shims in it, and
//! every run gets a copy.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sha2::Digest as _;

use super::exports::Exports;
use super::host::Host;
use super::session::{self, Session};
use super::shim;
use crate::build;
use crate::fs;
use crate::progress::Step;
use crate::workspace::Workspace;

/// Of how this module makes prefixes; part of their names.
const VERSION: &str = "2";

/// How long a new prefix may take.
const LIMIT: Duration = Duration::from_secs(300);

/// Wine's own kernel as it was before ours took its place.
const KERNEL: &str = "ntoskrnl.exe.wine";

/// Overrides of DLLs: our kernel before Wine's, and no debugger that would look at each crash.
const OVERRIDES: [(&str, &str); 2] = [("ntoskrnl.exe", "native"), ("winedbg.exe", "")];

/// A prefix, or what one is copied from.
#[derive(Debug)]
pub struct Prefix {
    folder: PathBuf,
}

impl Prefix {
    /// `C:\windows\system32`
    pub fn system32(&self) -> PathBuf {
        self.folder.join("drive_c/windows/system32")
    }

    /// `C:\windows\system32\drivers`
    pub fn drivers(&self) -> PathBuf {
        self.system32().join("drivers")
    }

    #[cfg(test)]
    pub const fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What Wine's own kernel exports.
    pub fn kernel(&self) -> Result<Exports> {
        let path = self.folder.join(KERNEL);
        Ok(Exports::of(&fs::read(&path)?, &path)?)
    }

    /// The prefix for this Wine and these shims; made if there is none.
    pub fn template(workspace: &Workspace, host: &Host) -> Result<Self> {
        let home = home(workspace);
        let mut hash = shim::digest(workspace)?;
        hash.update(format!("{VERSION} {} {OVERRIDES:?}", host.version()));
        let name: String =
            hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let template = Self { folder: home.join(format!("template-{name}")) };
        let _lock = build::lock(&home)?;
        if template.folder.is_dir() {
            return Ok(template);
        }
        forget_others(&home)?;
        let step = Step::start("Making a Wine prefix");
        step.detail(host.version());
        let new = Self { folder: home.join("new") };
        fs::remove_dir(new.folder())?;
        fs::create_dir(new.folder())?;
        new.fill(workspace, host)?;
        std::fs::rename(&new.folder, &template.folder)
            .with_context(|| format!("cannot rename {}", new.folder.display()))?;
        step.done();
        Ok(template)
    }

    fn fill(&self, workspace: &Workspace, host: &Host) -> Result<()> {
        let session = Session::start(host, self, session::End::Keep)?;
        for (dll, order) in OVERRIDES {
            let mut add = session.command("reg");
            add.args(["add", r"HKCU\Software\Wine\DllOverrides", "/f", "/v", dll, "/d", order]);
            let status = session.run(add, "setting up the prefix", LIMIT)?;
            ensure!(status == 0, "reg add ended with {status}{}", session.said());
        }
        session.stop()?;
        unlink(&self.folder.join("drive_c/users"))?;
        let own = self.system32().join("ntoskrnl.exe");
        std::fs::copy(&own, self.folder.join(KERNEL))
            .with_context(|| format!("Wine left no {}{}", own.display(), session.said()))?;
        shim::place(workspace, &self.system32(), &self.kernel()?)?;
        Ok(())
    }

    /// A copy of it for one run.
    pub fn copy(&self, to: &Path) -> Result<Self> {
        copy(&self.folder, to)?;
        Ok(Self { folder: to.to_owned() })
    }
}

/// Where prefixes are.
pub fn home(workspace: &Workspace) -> PathBuf {
    workspace.root().join("target/wine")
}

/// Removes prefixes for other versions of Wine or of the shims.
fn forget_others(home: &Path) -> Result<()> {
    for entry in fs::entries(home)? {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("template-") {
            fs::remove_dir(&entry)?;
        }
    }
    Ok(())
}

/// Puts folders in the place of links to the user's: Desktop, Documents and the like.
fn unlink(folder: &Path) -> Result<()> {
    for entry in fs::entries(folder)? {
        if entry.is_symlink() {
            fs::remove_file(&entry)?;
            fs::create_dir(&entry)?;
        } else if entry.is_dir() {
            unlink(&entry)?;
        }
    }
    Ok(())
}

/// Copies a folder. Programs and DLLs, nine tenths of its bytes, are linked: nobody writes into
/// them, whoever installs another one makes a new file.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::entries(from)? {
        let name = entry.file_name().unwrap_or_default();
        let target = to.join(name);
        let problem = || format!("cannot copy {} to {}", entry.display(), target.display());
        let kind = std::fs::symlink_metadata(&entry).with_context(problem)?;
        if kind.is_symlink() {
            fs::link(&std::fs::read_link(&entry).with_context(problem)?, &target)?;
        } else if kind.is_dir() {
            copy(&entry, &target)?;
        } else if !(is_image(&entry) && std::fs::hard_link(&entry, &target).is_ok()) {
            std::fs::copy(&entry, &target).with_context(problem)?;
        }
    }
    Ok(())
}

fn is_image(path: &Path) -> bool {
    let mut magic = [0; 2];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok()
        && magic == *b"MZ"
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn a_copy_shares_images_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write_if_changed(&from.join("deep/a.dll"), b"MZ and more").unwrap();
        fs::write_if_changed(&from.join("system.reg"), b"MEMORY").unwrap();
        fs::link(Path::new("/nowhere"), &from.join("z:")).unwrap();
        copy(&from, &to).unwrap();
        let inode = |path: PathBuf| std::fs::metadata(path).unwrap().ino();
        assert_eq!(inode(from.join("deep/a.dll")), inode(to.join("deep/a.dll")));
        assert_ne!(inode(from.join("system.reg")), inode(to.join("system.reg")));
        assert_eq!(std::fs::read_link(to.join("z:")).unwrap(), Path::new("/nowhere"));
    }

    #[test]
    fn links_to_the_users_folders_become_folders() {
        let folder = tempfile::tempdir().unwrap();
        let documents = folder.path().join("me/Documents");
        fs::link(Path::new("/nowhere"), &documents).unwrap();
        unlink(folder.path()).unwrap();
        assert!(documents.is_dir() && !documents.is_symlink());
    }
}
