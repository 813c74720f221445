//! `cargo xtask vm`: Windows in a virtual machine, from an image to verified results.
//!
//! - `prepare` makes a base image once, from installation media or from a disk.
//! - `run` starts a throw-away copy of it, hands over the package and a plan, follows the guest to a
//!   verdict, and brings home what it left.
//!
//! The guest's side is `test-app guest`; what both agree on is `pagewise_vm_plan`. All but Windows
//! itself is tested with a stand-in guest in a real QEMU.

mod accelerator;
mod answer;
mod autohck;
mod base;
mod disk;
mod follow;
mod hand_over;
mod interrupt;
mod lock;
mod machine;
mod monitor;
mod prepare;
mod report;
pub mod run;
mod scratch;
mod session;
pub mod stand_in;
mod view;
mod watch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;

use crate::exit::Exit;
use crate::workspace::Workspace;

/// UEFI without Secure Boot, as Debian's package `ovmf` has it.
pub const UEFI_CODE: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
/// The variables it starts with.
pub const UEFI_VARIABLES: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";

/// What the user can say.
#[derive(clap::Args)]
#[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Write the functional tests for another lab, in the form that it takes.
    #[arg(long, value_enum, required = true, requires = "out")]
    emit: Option<Lab>,
    /// Write them below this folder: for AutoHCK, its checkout.
    #[arg(long, value_name = "FOLDER", requires = "emit")]
    out: Option<PathBuf>,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Make a base image once: of installation media, or of a disk with Windows on it.
    Prepare(Box<prepare::Arguments>),
    /// Run a plan on a throw-away copy of a base image, or on the stand-in.
    Run(Box<run::Arguments>),
    /// Copy what a guest left on a hand-over disk to a folder.
    #[command(hide = true)]
    Pull(hand_over::Arguments),
}

/// Another lab.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Lab {
    /// AutoHCK: suites of its functional-test engine.
    Autohck,
}

/// Does what the user said.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<ExitCode> {
    match (&arguments.verb, arguments.emit, &arguments.out) {
        (Some(Verb::Prepare(arguments)), ..) => prepare::run(workspace, arguments),
        (Some(Verb::Run(arguments)), ..) => run::run(workspace, arguments),
        (Some(Verb::Pull(arguments)), ..) => hand_over::pull_here(arguments),
        (None, Some(Lab::Autohck), Some(out)) => {
            for file in autohck::emit(out)? {
                println!("{}", file.display());
            }
            Ok(Exit::Done.into())
        }
        // clap lets nothing else through.
        (None, ..) => Ok(Exit::Usage.into()),
    }
}

/// Where everything of this command is kept.
fn home(workspace: &Workspace) -> PathBuf {
    workspace.root().join("target/vm")
}

/// Where base images are.
fn bases(home: &Path) -> PathBuf {
    home.join("base")
}
