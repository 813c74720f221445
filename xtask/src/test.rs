//! `cargo xtask test`: all that CI runs, in the order in which it fails soonest.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use indicatif::HumanDuration;

use crate::build::{self, Builder};
use crate::mutation;
use crate::package::reproduce;
use crate::program::Programs;
use crate::run;
use crate::setup;
use crate::workspace::Workspace;

/// What the user can say.
#[derive(clap::Args)]
pub struct Arguments {
    /// Run only these steps (may be given more than once).
    #[arg(long, value_enum)]
    only: Vec<Step>,
}

/// What is done, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Step {
    /// Every source is formatted.
    Format,
    /// The images, the broken ones too, and the programs are built.
    Build,
    /// Clippy finds nothing, for this host and for Windows.
    Clippy,
    /// The documentation builds without a warning, for this host and for Windows.
    Doc,
    /// Unit tests and whole-system tests pass, the twins' among them.
    Test,
    /// Each broken driver is caught by the cheapest tool that is known to catch it, and the shipping
    /// driver by none.
    Mutation,
    /// Others' programs verify the package, and find each changed byte; a clean build in another
    /// folder gives the same bytes.
    Package,
    /// The tree is as clean as it was before.
    Clean,
}

impl Step {
    const ALL: [Self; 8] = [
        Self::Format,
        Self::Build,
        Self::Clippy,
        Self::Doc,
        Self::Test,
        Self::Mutation,
        Self::Package,
        Self::Clean,
    ];
}

/// Packages of this host. The two others are Windows images.
const HOST: [&str; 12] = [
    "pagewise-attack",
    "pagewise-contract",
    "pagewise-core",
    "pagewise-lab",
    "pagewise-lab-bench",
    "pagewise-lab-nt",
    "pagewise-lab-wire",
    "pagewise-package",
    "pagewise-stand-in",
    "pagewise-vm-plan",
    "test-app",
    "xtask",
];

/// Runs the steps; the first that fails ends it.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    setup::provide(setup::DRIVERS)?;
    setup::provide(setup::TWINS)?;
    let before = tree(workspace)?;
    for step in Step::ALL {
        if !arguments.only.is_empty() && !arguments.only.contains(&step) {
            continue;
        }
        eprintln!("== {step:?}");
        let start = Instant::now();
        match step {
            Step::Format => cargo(workspace, &["fmt", "--all", "--check"], &[])?,
            Step::Build => build::run(workspace, &build::Arguments::everything())?,
            Step::Clippy => clippy(workspace)?,
            Step::Doc => doc(workspace)?,
            Step::Test => test(workspace)?,
            Step::Mutation => {
                let bounded = mutation::Arguments::bounded(workspace.artifacts());
                mutation::run(workspace, &bounded)?;
            }
            Step::Package => package(workspace)?,
            Step::Clean => {
                let after = tree(workspace)?;
                ensure!(before == after, "the build changed the tree:\n{after}");
            }
        }
        eprintln!("== {step:?}: ok ({})", HumanDuration(start.elapsed()));
    }
    Ok(())
}

fn clippy(workspace: &Workspace) -> Result<()> {
    over_host(workspace, "clippy", &["--all-targets", "--", "-D", "warnings"], &[])?;
    Builder::prepare(workspace)?.lint(workspace.root())?;
    Ok(Programs::prepare(workspace)?.lint()?)
}

fn doc(workspace: &Workspace) -> Result<()> {
    over_host(workspace, "doc", &["--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")])?;
    Builder::prepare(workspace)?.document(workspace.root())?;
    Ok(Programs::prepare(workspace)?.document()?)
}

fn test(workspace: &Workspace) -> Result<()> {
    setup::provide(setup::QEMU)?;
    setup::provide(setup::DEBUGGERS)?;
    over_host(workspace, "test", &[], &[("PAGEWISE_ARTIFACTS", &artifacts(workspace)?)])?;
    let with_qemu = ["test", "--locked", "--package", "xtask", "--bin", "xtask"];
    cargo(workspace, &[&with_qemu[..], &["--", "--ignored", "vm::"]].concat(), &[])
}

fn package(workspace: &Workspace) -> Result<()> {
    let tests = ["test", "--locked", "--package", "xtask", "--", "--ignored", "package::"];
    cargo(workspace, &tests, &[("PAGEWISE_ARTIFACTS", &artifacts(workspace)?)])?;
    reproduce::run(workspace, &reproduce::Arguments::ONCE)
}

/// Where the tests find what was built.
fn artifacts(workspace: &Workspace) -> Result<String> {
    let artifacts = workspace.artifacts();
    Ok(artifacts.to_str().context("the checkout's path is not UTF-8")?.to_owned())
}

/// Runs cargo over each package of this host.
fn over_host(
    workspace: &Workspace,
    verb: &str,
    with: &[&str],
    environment: &[(&str, &str)],
) -> Result<()> {
    let mut arguments = vec![verb, "--locked"];
    arguments.extend(HOST.iter().flat_map(|package| ["--package", *package]));
    arguments.extend(with);
    cargo(workspace, &arguments, environment)
}

fn cargo(workspace: &Workspace, arguments: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    let mut command = run::command("cargo");
    command.current_dir(workspace.root()).args(arguments).envs(environment.iter().copied());
    let status = command.status().context("cannot run cargo")?;
    ensure!(status.success(), "cargo {} failed ({status})", arguments.join(" "));
    Ok(())
}

/// What git sees of the tree; nothing outside a repository, where there is nothing to compare.
fn tree(workspace: &Workspace) -> Result<String> {
    let mut git = run::command("git");
    git.current_dir(workspace.root()).args(["status", "--porcelain"]);
    let output = git.output().context("cannot run git")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
