//! `cargo xtask build`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::anchor;
use crate::cargo;
use crate::error::{Error, Result};
use crate::fs;
use crate::guests;
use crate::image_check::{self, Rules};
use crate::inf;
use crate::kit::Kit;
use crate::program::Programs;
use crate::progress::Step;
use crate::run;
use crate::setup;
use crate::toolchain::Toolchain;
use crate::twins;
use crate::vm::stand_in;
use crate::wdk_build_patch;
use crate::workspace::{TARGET, Workspace};

/// What the user can say.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Arguments {
    /// Build pagewise.sys; without any of these, all but the twins are built.
    #[arg(long)]
    driver: bool,
    /// Build wdfldr.sys.
    #[arg(long)]
    framework: bool,
    /// Build test-app and pagewise-lab for this host.
    #[arg(long)]
    host: bool,
    /// Build test-app.exe for Windows.
    #[arg(long)]
    windows: bool,
    /// Build the drivers that only tests load: the broken ones in lab/twins, and exercise.sys.
    #[arg(long)]
    twins: bool,
    /// Build the drivers in lab/guests, which only tests load, too.
    #[arg(long)]
    guests: bool,
    /// Build the guest that `vm run --stand-in` boots.
    #[arg(long)]
    stand_in: bool,
    /// Build only these twins (may be given more than once).
    #[arg(long, value_name = "NAME")]
    twin: Vec<String>,
}

impl Arguments {
    /// Every part, and the twins.
    pub fn everything() -> Self {
        Self {
            driver: true,
            framework: true,
            host: true,
            windows: true,
            twins: true,
            guests: true,
            stand_in: true,
            twin: Vec::new(),
        }
    }

    /// What the benchmarks run: the shipping driver, and the variant with many pages.
    pub fn for_bench() -> Self {
        Self {
            driver: true,
            framework: true,
            host: true,
            windows: false,
            twins: false,
            guests: false,
            stand_in: false,
            twin: vec!["large-image".to_owned()],
        }
    }

    /// With no part named, every part but the twins.
    const fn all(&self) -> bool {
        let images = self.driver || self.framework || self.twins || self.guests;
        let programs = self.host || self.windows || self.stand_in;
        !images && !programs && self.twin.is_empty()
    }
}

/// A Windows image of this workspace.
#[derive(Clone, Copy, Debug)]
pub struct Image {
    /// The package.
    pub package: &'static str,
    /// What its image must obey.
    pub rules: Rules,
}

/// The driver.
pub const DRIVER: Image = Image { package: "pagewise", rules: image_check::DRIVER };

/// The driver, broken on purpose: to allocate, or to be able to panic, may be what is wrong with it.
pub const TWIN: Image = Image { package: "pagewise", rules: image_check::TWIN };

/// Drivers in C: one that exercises the framework, and one that does wrong on demand.
const EXERCISES: [&str; 2] = ["lab/wdf/exercise/exercise.c", "lab/wdf/exercise/sins.c"];

/// What a driver takes of the standard library.
const DRIVER_STD: &str = "core,alloc";

/// The framework.
pub const FRAMEWORK: Image = Image { package: "wdfldr", rules: image_check::FRAMEWORK };

/// Builds what the arguments ask for.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let all = arguments.all();
    let out = workspace.artifacts();
    inf::stamp(workspace, &out)?;
    if all
        || arguments.driver
        || arguments.framework
        || arguments.twins
        || arguments.guests
        || !arguments.twin.is_empty()
    {
        let builder = Builder::prepare(workspace)?;
        if all || arguments.driver {
            builder.image(DRIVER, workspace.root(), &out)?;
        }
        if all || arguments.framework {
            builder.image(FRAMEWORK, workspace.root(), &out)?;
        }
        if arguments.twins {
            builder.exercise(workspace, &out)?;
        }
        if arguments.guests {
            guests::build(workspace, &builder)?;
        }
        if arguments.twins || !arguments.twin.is_empty() {
            twins::build(workspace, &builder, &arguments.twin)?;
        }
    }
    if all || arguments.windows {
        Programs::prepare(workspace)?.build(&out)?;
    }
    if all || arguments.host {
        host(workspace, &out)?;
    }
    if arguments.stand_in {
        stand_in::build(workspace)?;
    }
    Ok(())
}

/// Everything that compiling for Windows needs, ready.
pub struct Builder {
    toolchain: Toolchain,
    kit: Kit,
    /// Prefixes of paths that compilers would put into images, with what stands there instead.
    folders: Vec<(PathBuf, &'static str)>,
    /// Held as long as this lives: the kit and the twins' sources are no other process's meanwhile.
    _lock: File,
}

impl Builder {
    /// Looks for the tools, installs what is missing, makes the content root.
    pub fn prepare(workspace: &Workspace) -> Result<Self> {
        let lock = lock(&workspace.kit())?;
        setup::provide(setup::DRIVERS)?;
        let toolchain = Toolchain::choose(workspace, TARGET)?;
        let kit = Kit::prepare(workspace)?;
        prepare_wdk_build(workspace, &kit)?;
        let mut folders = private_folders(workspace, &toolchain);
        folders.push((anchor::PATH.into(), "pagewise"));
        Ok(Self { toolchain, kit, folders, _lock: lock })
    }

    /// Where all that is generated for building is.
    pub fn kit_folder(&self) -> &Path {
        self.kit.folder()
    }

    /// Where cargo puts what it builds for the drivers.
    pub fn target_dir(&self) -> PathBuf {
        self.kit.target_dir()
    }

    /// Builds one image of the workspace at `root` and puts `<package>.sys` and `.pdb` into `out`,
    /// once the image obeys its rules. Returns the path of the `.sys`.
    pub fn image(&self, image: Image, root: &Path, out: &Path) -> Result<PathBuf> {
        let step = Step::start(format!("Building {}.sys", image.package));
        step.detail(self.toolchain.describe());
        let sys = self.image_in(image, root, &self.kit.target_dir(), out, &step)?;
        step.done();
        Ok(sys)
    }

    /// [`Builder::image`] in a target folder of one's own: for another workspace, whose packages
    /// would pass for this one's.
    pub fn image_in(
        &self,
        image: Image,
        root: &Path,
        target: &Path,
        out: &Path,
        step: &Step,
    ) -> Result<PathBuf> {
        let mut command = self.cargo("build", root, target)?;
        command.args(["--package", image.package]);
        cargo::run(&mut command, step)?;

        let built = target.join(TARGET).join("release");
        let linked = built.join(format!("{}.dll", image.package));
        image_check::check(&linked, image.rules, &self.private_folders())?;
        let sys = out.join(format!("{}.sys", image.package));
        fs::copy_if_changed(&linked, &sys)?;
        fs::copy_if_changed(
            &built.join(format!("{}.pdb", image.package)),
            &sys.with_extension("pdb"),
        )?;
        Ok(sys)
    }

    /// Builds the drivers that exercise the framework beyond what the shipping one uses of it.
    fn exercise(&self, workspace: &Workspace, out: &Path) -> Result<()> {
        for source in EXERCISES {
            let name = Path::new(source).with_extension("sys");
            let name = Path::new(name.file_name().unwrap_or_default());
            let step = Step::start(format!("Building {}", name.display()));
            let linked = self.kit.driver_of_c(&workspace.root().join(source))?;
            image_check::check(&linked, image_check::EXERCISE, &self.private_folders())?;
            for name in [name, &name.with_extension("pdb")] {
                fs::copy_if_changed(&linked.with_file_name(name), &out.join(name))?;
            }
            step.done();
        }
        Ok(())
    }

    /// Builds a guest in C.
    pub fn c_driver(&self, workspace: &Workspace, source: &Path, out: &Path) -> Result<()> {
        let name = source.with_extension("sys");
        let name = Path::new(name.file_name().unwrap_or_default());
        let step = Step::start(format!("Building {}", name.display()));
        let linked = self.kit.c_driver(source, &workspace.kit_sources())?;
        image_check::check(&linked, image_check::GUEST, &self.private_folders())?;
        for name in [name.to_owned(), name.with_extension("pdb")] {
            fs::copy_if_changed(&linked.with_file_name(&name), &out.join(&name))?;
        }
        step.done();
        Ok(())
    }

    /// Runs clippy over the drivers.
    pub fn lint(&self, root: &Path) -> Result<()> {
        self.toolchain.provide_clippy()?;
        self.over_all(root, "clippy", "Clippy", |command| {
            command.args(["--", "-D", "warnings"]);
        })
    }

    /// Builds the drivers' documentation.
    pub fn document(&self, root: &Path) -> Result<()> {
        self.over_all(root, "doc", "Documentation", |command| {
            command.arg("--no-deps").env("RUSTDOCFLAGS", "-D warnings");
        })
    }

    /// Runs cargo over each driver.
    fn over_all(&self, root: &Path, verb: &str, title: &str, with: fn(&mut Command)) -> Result<()> {
        let guests = guests::RUST.iter().map(|guest| guest.package);
        for package in [DRIVER.package, FRAMEWORK.package].into_iter().chain(guests) {
            let step = Step::start(format!("{title} of {package} for Windows"));
            let mut command = self.cargo(verb, root, &self.kit.target_dir())?;
            command.args(["--package", package]);
            with(&mut command);
            cargo::run(&mut command, &step)?;
            step.done();
        }
        Ok(())
    }

    /// A cargo command for Windows images.
    fn cargo(&self, verb: &str, root: &Path, target: &Path) -> Result<Command> {
        let mut command = self.toolchain.cargo(verb, DRIVER_STD);
        command.current_dir(root).args(["--release", "--locked"]);
        anchor::give(&mut command, root)?;
        command.arg("--target-dir").arg(anchor::renamed(target, root));
        for setting in self.settings(root) {
            command.arg("--config").arg(setting);
        }
        command.envs(self.kit.environment());
        Ok(command)
    }

    /// Cargo settings for this host, as `--config` takes them.
    ///
    /// The edited wdk-build goes by its place below `root`: cargo then takes it for the same crate
    /// in each workspace that has a `target/kit`.
    fn settings(&self, root: &Path) -> Vec<String> {
        let wdk_build = self.kit.wdk_build_below(root);
        let quoted = |text: &str| format!("{text:?}");
        let mut flags = Vec::new();
        for (folder, name) in &self.folders {
            flags.push(quoted(&format!("--remap-path-prefix={}={name}", folder.display())));
        }
        vec![
            format!("paths=[{}]", quoted(&wdk_build.to_string_lossy())),
            format!("target.{TARGET}.linker={}", quoted(&self.kit.linker().to_string_lossy())),
            format!("target.{TARGET}.rustflags=[{}]", flags.join(",")),
        ]
    }

    /// What must not be found in an image.
    fn private_folders(&self) -> Vec<String> {
        let home = std::env::var("HOME").ok().filter(|home| home.len() > 1);
        let folders = self.folders.iter().map(|(folder, _)| folder.to_string_lossy().into_owned());
        folders.chain(home).chain(["/usr/src".to_owned(), "/usr/lib/rustlib".to_owned()]).collect()
    }
}

/// Prefixes of paths that compilers would put into images, with what stands there instead.
pub fn private_folders(
    workspace: &Workspace,
    toolchain: &Toolchain,
) -> Vec<(PathBuf, &'static str)> {
    let mut folders = toolchain.source_folders();
    folders.push((workspace.root().to_owned(), "pagewise"));
    folders.push((cargo_home().join("registry/src"), "crates"));
    folders
}

/// Waits until no other `cargo xtask` works in this folder of the checkout.
pub fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    fs::create_dir(folder)?;
    let file = File::create(&path).map_err(Error::file("make", &path))?;
    if file.try_lock().is_err() {
        let step = Step::start("Waiting for another cargo xtask in this checkout");
        file.lock().map_err(Error::file("lock", &path))?;
        step.done();
    }
    Ok(file)
}

fn cargo_home() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo");
    std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

/// Edits the copy of wdk-build that `Cargo.lock` names.
fn prepare_wdk_build(workspace: &Workspace, kit: &Kit) -> Result<()> {
    let package = wdk_build_patch::PACKAGE;
    let lock = fs::read_text(&workspace.root().join("Cargo.lock"))?;
    let version = locked_version(&lock, package).ok_or(Error::NotLocked { package })?.to_owned();
    let original = registry_source(workspace, package, &version)?;
    wdk_build_patch::prepare(&original, &version, &kit.wdk_build())
}

/// The version that a lock file gives a package of which there is one.
fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let mut lines = lock.lines();
    lines.find(|line| {
        line.strip_prefix("name = ").is_some_and(|name| name.trim_matches('"') == package)
    })?;
    lines.next()?.strip_prefix("version = ").map(|version| version.trim_matches('"'))
}

/// The folder with the sources of a package from crates.io, fetched if need be.
fn registry_source(workspace: &Workspace, package: &str, version: &str) -> Result<PathBuf> {
    let folder = cargo_home().join("registry/src");
    let find = || {
        let registries = fs::entries(&folder).unwrap_or_default();
        registries
            .into_iter()
            .map(|registry| registry.join(format!("{package}-{version}")))
            .find(|source| source.join("Cargo.toml").is_file())
    };
    if let Some(source) = find() {
        return Ok(source);
    }
    let step = Step::start(format!("Fetching {package} {version}"));
    let mut command = run::command("cargo");
    cargo::run(command.current_dir(workspace.root()).args(["fetch", "--locked"]), &step)?;
    step.done();
    find().ok_or_else(|| Error::File {
        action: "find after cargo fetch",
        path: folder.join(format!("*/{package}-{version}")),
        source: std::io::ErrorKind::NotFound.into(),
    })
}

/// The programs for this host, built as anyone would.
fn host(workspace: &Workspace, out: &Path) -> Result<()> {
    setup::provide(setup::DRIVERS)?;
    let step = Step::start("Building test-app and pagewise-lab");
    let target = workspace.root().join("target");
    let mut command = run::command("cargo");
    command.current_dir(workspace.root());
    command.args(["build", "--release", "--locked"]);
    for package in ["test-app", "pagewise-lab", "pagewise-lab-bench"] {
        command.args(["--package", package]);
    }
    command.arg("--target-dir").arg(&target);
    cargo::run(&mut command, &step)?;
    for program in ["test-app", "pagewise-lab", "pagewise-bench"] {
        let built = target.join("release").join(program);
        let copy = out.join(program);
        // A new file, never new content in the old one: that may be running.
        if fs::read(&copy).ok() != Some(fs::read(&built)?) {
            fs::remove_file(&copy)?;
            fs::create_dir(out)?;
            std::fs::copy(&built, &copy).map_err(Error::file("copy", &built))?;
        }
    }
    step.done();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions_from_a_lock_file() {
        let lock = "[[package]]\nname = \"wdk\"\nversion = \"0.5.0\"\n\n[[package]]\nname = \
                    \"wdk-build\"\nversion = \"0.6.0\"\n";
        assert_eq!(locked_version(lock, "wdk-build"), Some("0.6.0"));
        assert_eq!(locked_version(lock, "wdk-sys"), None);
    }

    #[test]
    fn without_a_choice_everything_is_built_but_the_twins() {
        assert!(Arguments::default().all());
        assert!(!Arguments { twins: true, ..Arguments::default() }.all());
        assert!(!Arguments { twin: vec!["one".to_owned()], ..Arguments::default() }.all());
        assert!(!Arguments { driver: true, ..Arguments::default() }.all());
    }
}
