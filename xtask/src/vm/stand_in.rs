//! The stand-in: a guest without Windows, in a real QEMU. It reads the same hand-over disk and talks
//! over the same line as `test-app guest`, and misbehaves on demand.

mod initramfs;
mod kernel;
mod modules;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use self::initramfs::File;
use self::kernel::Kernel;
use super::home;
use super::lock::Lock;
use super::machine::Boot;
use crate::cargo;
use crate::error::{self, Error};
use crate::fs;
use crate::progress::Step;
use crate::run;
use crate::workspace::Workspace;

/// The package, and its program.
pub const NAME: &str = "pagewise-stand-in";

/// What the program is compiled for: linked statically, it needs no other file.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Everything that boots a stand-in.
#[derive(Clone, Debug)]
pub struct StandIn {
    kernel: Kernel,
    program: PathBuf,
}

impl StandIn {
    /// Finds or fetches it. The program is built unless it is said to be there.
    pub fn provide(workspace: &Workspace, build: bool) -> Result<Self> {
        let home = home(workspace);
        let _lock = Lock::take(&home.join("stand-in.lock"))?;
        let program = workspace.artifacts().join(NAME);
        if build {
            self::build(workspace)?;
        }
        ensure!(program.is_file(), "{} is not built\n  try: without --no-build", program.display());
        Ok(Self { kernel: Kernel::provide(&home)?, program })
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Packs it for a boot in `folder`. `misbehave` is what the program takes under that name.
    pub fn boot(&self, folder: &Path, misbehave: Option<&str>) -> Result<Boot> {
        let program = fs::read(&self.program)?;
        let mut modules = Vec::new();
        for module in &self.kernel.modules {
            let name = module.file_name().unwrap_or_default().to_string_lossy();
            modules.push((format!("modules/{name}"), fs::read(module)?));
        }
        let mut files = vec![File { path: "init", content: &program }];
        files.extend(modules.iter().map(|(path, content)| File { path, content }));
        let initrd = folder.join("initramfs");
        let archive = initramfs::pack(&files)?;
        std::fs::write(&initrd, archive)
            .with_context(|| format!("cannot write {}", initrd.display()))?;
        // The kernel talks on the second port; its own end restarts the machine, as Windows' does.
        let mut append = "console=ttyS1 quiet panic=1 mitigations=off".to_owned();
        if let Some(misbehave) = misbehave {
            append.push_str(&format!(" standin.misbehave={misbehave}"));
        }
        Ok(Boot::Kernel { image: self.kernel.image.clone(), initrd, append })
    }
}

/// Builds the program into the artifacts.
pub fn build(workspace: &Workspace) -> error::Result<()> {
    let step = Step::start(format!("Building {NAME}"));
    let target = workspace.root().join("target");
    let mut build = run::command("cargo");
    build.current_dir(workspace.root());
    build.args(["build", "--release", "--locked", "--package", NAME, "--target", TARGET]);
    build.arg("--target-dir").arg(&target).arg("--config");
    build.arg(format!(
        "target.{TARGET}.rustflags=[\"-Ctarget-feature=+crt-static\",\"-Cstrip=symbols\"]"
    ));
    cargo::run(&mut build, &step)?;
    let built = target.join(TARGET).join("release").join(NAME);
    copy_program(&built, &workspace.artifacts().join(NAME))?;
    step.done();
    Ok(())
}

fn copy_program(from: &Path, to: &Path) -> error::Result<()> {
    fs::copy_if_changed(from, to)?;
    let permissions = std::fs::metadata(from).map(|about| about.permissions());
    permissions
        .and_then(|permissions| std::fs::set_permissions(to, permissions))
        .map_err(Error::file("make a program of", to))
}
