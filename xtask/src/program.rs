//! Programs of this workspace for Windows: `test-app.exe`.
//!
//! They are linked with MinGW-w64's linker and run time, which any Linux can have; a Windows
//! developer builds them as any other program.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::build::private_folders;
use crate::cargo;
use crate::error::Result;
use crate::fs;
use crate::progress::Step;
use crate::setup;
use crate::toolchain::Toolchain;
use crate::workspace::{PROGRAM_TARGET, Workspace};

/// The package, and the name of the program.
pub const TEST_APP: &str = "test-app";

const LINKER: &str = "x86_64-w64-mingw32-gcc";

/// What a program takes of the standard library.
const STD: &str = "std,panic_abort";

/// Everything that compiling programs for Windows needs, ready.
pub struct Programs<'a> {
    workspace: &'a Workspace,
    toolchain: Toolchain,
}

impl<'a> Programs<'a> {
    /// Looks for the tools and installs what is missing.
    pub fn prepare(workspace: &'a Workspace) -> Result<Self> {
        setup::provide(setup::PROGRAMS)?;
        let toolchain = Toolchain::choose(workspace, PROGRAM_TARGET)?;
        Ok(Self { workspace, toolchain })
    }

    /// Builds `test-app.exe` and puts it into `out`. Returns its path there.
    pub fn build(&self, out: &Path) -> Result<PathBuf> {
        let step = Step::start(format!("Building {TEST_APP}.exe"));
        step.detail(self.toolchain.describe());
        cargo::run(&mut self.cargo("build"), &step)?;
        let name = format!("{TEST_APP}.exe");
        let built = self.target_dir().join(PROGRAM_TARGET).join("release").join(&name);
        let program = out.join(name);
        fs::copy_if_changed(&built, &program)?;
        step.done();
        Ok(program)
    }

    /// Runs clippy over them.
    pub fn lint(&self) -> Result<()> {
        self.toolchain.provide_clippy()?;
        let step = Step::start(format!("Clippy of {TEST_APP} for Windows"));
        cargo::run(self.cargo("clippy").args(["--", "-D", "warnings"]), &step)?;
        step.done();
        Ok(())
    }

    /// Builds their documentation.
    pub fn document(&self) -> Result<()> {
        let step = Step::start(format!("Documentation of {TEST_APP} for Windows"));
        let mut command = self.cargo("doc");
        cargo::run(command.arg("--no-deps").env("RUSTDOCFLAGS", "-D warnings"), &step)?;
        step.done();
        Ok(())
    }

    fn target_dir(&self) -> PathBuf {
        self.workspace.root().join("target")
    }

    fn cargo(&self, verb: &str) -> Command {
        let mut command = self.toolchain.cargo(verb, STD);
        command.current_dir(self.workspace.root());
        command.args(["--release", "--locked", "--package", TEST_APP]);
        command.arg("--target-dir").arg(self.target_dir());
        for setting in self.settings() {
            command.arg("--config").arg(setting);
        }
        command
    }

    /// Cargo settings for this host, as `--config` takes them: the linker, and what makes two
    /// builds of the same sources the same file.
    fn settings(&self) -> [String; 2] {
        let mut flags = vec!["-Clink-arg=-Wl,--no-insert-timestamp".to_owned()];
        // Not debug information alone: symbols of import libraries are named after the folder, and
        // at random, in which rustc has dlltool make them.
        flags.push("-Cstrip=symbols".to_owned());
        for (folder, name) in private_folders(self.workspace, &self.toolchain) {
            flags.push(format!("--remap-path-prefix={}={name}", folder.display()));
        }
        let flags: Vec<String> = flags.iter().map(|flag| format!("{flag:?}")).collect();
        [
            format!("target.{PROGRAM_TARGET}.linker={LINKER:?}"),
            format!("target.{PROGRAM_TARGET}.rustflags=[{}]", flags.join(",")),
        ]
    }
}
