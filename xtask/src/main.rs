//! `cargo xtask`: the one way to build, run and test Pagewise on any host.

mod anchor;
mod bench;
mod build;
mod cargo;
mod compare;
mod error;
mod exit;
mod fs;
mod fuzz;
mod guests;
mod image_check;
mod inf;
mod kit;
mod link;
mod mutation;
mod package;
mod pe;
mod program;
mod progress;
mod run;
mod setup;
mod soak;
mod test;
mod toolchain;
mod twins;
mod verify;
mod vm;
mod wdk_build_patch;
mod wine;
mod workspace;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::exit::Exit;
use crate::workspace::Workspace;

/// Build, run and test Pagewise on this host.
///
/// What a build needs and does not find here it installs with apt-get, saying so; without the
/// rights it prints the line to run.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, after_help = exit::HELP)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build pagewise.sys, wdfldr.sys, test-app, test-app.exe and pagewise-lab into
    /// target/pagewise.
    Build(build::Arguments),
    /// Check that images obey the rules for drivers: subsystem, imports, checksum, sections,
    /// relocations, no paths of the machine they were built on.
    CheckImage(image_check::Arguments),
    /// Hold INF files against the rules for Windows driver packages: what InfVerif would say, as far
    /// as its public documents tell, without Windows.
    LintInf(inf::Arguments),
    /// Measure a KMDF header: sizes, offsets, constants and slots, in the form of
    /// kit/tests/figures.txt.
    KitFigures(kit::figures::Arguments),
    /// Build everything, boot the lab or Wine with the driver and run every check of the test app.
    Verify(verify::Arguments),
    /// Build everything and make the driver package for a test-signing machine.
    Package(package::Arguments),
    /// Build the driver twice, in clean copies of this checkout, and compare every byte.
    Reproduce(package::reproduce::Arguments),
    /// Print the results of several machines side by side; fails where they disagree.
    Compare(compare::Arguments),
    /// Run all that CI runs: format, build, clippy, docs, unit tests, whole-system tests, twins.
    Test(test::Arguments),
    /// Measure the lab's hot paths against baselines of the same run.
    Bench(bench::Arguments),
    /// Fuzz the driver and every reader of foreign data, guided by coverage.
    Fuzz(fuzz::Arguments),
    /// Find out which of the broken drivers in lab/twins each tool catches.
    Mutation(mutation::Arguments),
    /// Verify on Windows in a virtual machine: make a base image, run plans on copies of it.
    Vm(vm::Arguments),
    /// Have many clients ask the driver at once, for a long time, under constant eviction.
    Soak(soak::Arguments),
}

fn main() -> ExitCode {
    match as_tool().unwrap_or_else(as_xtask) {
        Ok(code) => code,
        Err(error) => {
            let exit = if let Some(error) = error.downcast_ref::<error::Error>() {
                // Its message holds its cause.
                eprintln!("error: {error}");
                error.exit()
            } else {
                eprintln!("error: {error:#}");
                Exit::Failed
            };
            exit.into()
        }
    }
}

/// Under the linker's or the librarian's name, this program is one of them.
fn as_tool() -> Option<anyhow::Result<ExitCode>> {
    let mut arguments = std::env::args_os();
    let program = arguments.next()?;
    let name = Path::new(&program).file_name()?.to_owned();
    let rest: Vec<OsString> = arguments.collect();
    let result = match name.to_str()? {
        link::NAME => link::link(rest),
        link::LIBRARIAN => link::librarian(rest),
        _ => return None,
    };
    Some(result.map(|()| Exit::Done.into()).map_err(Into::into))
}

fn as_xtask() -> anyhow::Result<ExitCode> {
    let workspace = Workspace::this();
    match Cli::parse().task {
        Task::Build(arguments) => build::run(&workspace, &arguments)?,
        Task::CheckImage(arguments) => image_check::run(&arguments)?,
        Task::LintInf(arguments) => return inf::run(&workspace, &arguments),
        Task::KitFigures(arguments) => kit::figures::run(&workspace, &arguments)?,
        Task::Package(arguments) => package::run(&workspace, &arguments)?,
        Task::Reproduce(arguments) => package::reproduce::run(&workspace, &arguments)?,
        Task::Verify(arguments) => return verify::run(&workspace, &arguments),
        Task::Compare(arguments) => return compare::run(&arguments),
        Task::Test(arguments) => test::run(&workspace, &arguments)?,
        Task::Bench(arguments) => {
            build::run(&workspace, &build::Arguments::for_bench())?;
            return bench::run(&workspace.artifacts(), &arguments);
        }
        Task::Mutation(arguments) => mutation::run(&workspace, &arguments)?,
        Task::Vm(arguments) => return vm::run(&workspace, &arguments),
        Task::Fuzz(arguments) => fuzz::run(&workspace, &arguments)?,
        Task::Soak(arguments) => {
            build::run(&workspace, &build::Arguments::default())?;
            soak::run(&workspace, &arguments)?;
        }
    }
    Ok(Exit::Done.into())
}
