//! `cargo xtask reproduce`: the same sources, built in other folders, give the same bytes.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use indicatif::HumanDuration;
use pagewise_package::hex;
use sha2::{Digest as _, Sha256};

use super::make;
use crate::fs;
use crate::inf::date;
use crate::run;
use crate::setup;
use crate::workspace::Workspace;

/// What the user can say.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Arguments {
    /// Compare one clean build with what is in target/pagewise, and not two clean builds.
    #[arg(long)]
    once: bool,
    /// Build and compare test-app.exe, too.
    #[arg(long)]
    windows: bool,
}

impl Arguments {
    /// What `cargo xtask test` does: half of the builds.
    pub const ONCE: Self = Self { once: true, windows: false };
}

/// The folders differ in the length and the depth of their names.
const FOLDERS: [&str; 2] = ["one", "another name/and deeper/two"];
/// What the driver's build makes for the package.
const DRIVER: &[&str] = &["pagewise.sys", "pagewise.pdb", make::INF];
const PROGRAM: &str = "test-app.exe";
/// The catalog's content, which is no file of its own.
const LIST: &str = "trust list";

/// What one build made: name and content.
type Made = Vec<(String, Vec<u8>)>;

/// Builds and compares; what differs is an error.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    setup::provide(setup::TWINS)?;
    let files = sources(workspace)?;
    let date = date::seconds(workspace)?;
    let folder = tempfile::Builder::new().prefix("pagewise-reproduce-").tempdir()?;
    let start = Instant::now();
    let build = |name| {
        let root = folder.path().join(name);
        clean_build(workspace, &files, &root, &date, arguments)
    };
    let first = build(FOLDERS[0])?;
    let second =
        if arguments.once { made(&workspace.artifacts(), arguments)? } else { build(FOLDERS[1])? };
    println!("{} sources, built in {}", files.len(), HumanDuration(start.elapsed()));
    compare(&first, &second)
}

/// What git knows or would know: no build leaves anything else.
fn sources(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let mut git = run::command("git");
    git.current_dir(workspace.root());
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = run::quiet(&mut git)?;
    let files = listed.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
    Ok(files.filter(|file| workspace.root().join(file).is_file()).collect())
}

/// Copies the sources to `root` and builds there with this very program.
fn clean_build(
    workspace: &Workspace,
    files: &[PathBuf],
    root: &Path,
    date: &OsStr,
    arguments: &Arguments,
) -> Result<Made> {
    for file in files {
        fs::copy_if_changed(&workspace.root().join(file), &root.join(file))?;
    }
    eprintln!("== In {}", root.display());
    let mut build = run::command(run::this_program()?);
    build.current_dir(root).args(["build", "--driver"]);
    if arguments.windows {
        build.arg("--windows");
    }
    // By the first, the program knows its checkout (workspace.rs).
    build.env("CARGO_MANIFEST_DIR", root.join("xtask")).env(date::OVERRIDE, date);
    let status = build.status().context("cannot run this program")?;
    if !status.success() {
        bail!("the build in {} failed ({status})", root.display());
    }
    made(&Workspace::at(root).artifacts(), arguments)
}

fn made(artifacts: &Path, arguments: &Arguments) -> Result<Made> {
    let mut names = DRIVER.to_vec();
    if arguments.windows {
        names.push(PROGRAM);
    }
    let mut made = Vec::new();
    for name in names {
        made.push((name.to_owned(), fs::read(&artifacts.join(name))?));
    }
    made.push((LIST.to_owned(), make::unsigned_list(artifacts)?));
    Ok(made)
}

/// Prints each digest, and where the two differ.
fn compare(first: &Made, second: &Made) -> Result<()> {
    let mut differing = Vec::new();
    for ((name, one), (_, other)) in first.iter().zip(second) {
        let verdict = difference(one, other).unwrap_or_else(|| "the same".to_owned());
        println!("{name:<13} {}  {verdict}", hex(&Sha256::digest(one)));
        if one != other {
            println!("{:<13} {}", "", hex(&Sha256::digest(other)));
            differing.push(name.as_str());
        }
    }
    if differing.is_empty() {
        return Ok(());
    }
    bail!(
        "two builds of the same sources differ in {}\n  try: llvm-pdbutil dump -files on both PDBs \
         shows a source that holds a path",
        differing.join(", ")
    )
}

/// Where two contents differ first, and how much.
fn difference(one: &[u8], other: &[u8]) -> Option<String> {
    let differing = one.iter().zip(other).filter(|(a, b)| a != b).count();
    if differing == 0 && one.len() == other.len() {
        return None;
    }
    let at = one.iter().zip(other).position(|(a, b)| a != b);
    let at = at.unwrap_or(one.len().min(other.len()));
    let lengths = if one.len() == other.len() {
        String::new()
    } else {
        format!(", {} and {} bytes long", one.len(), other.len())
    };
    Some(format!("DIFFERENT from {at:#x} on, in {differing} bytes{lengths}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_where_and_how_many() {
        assert_eq!(difference(b"same", b"same"), None);
        let told = difference(b"some", b"samt").unwrap();
        assert_eq!(told, "DIFFERENT from 0x1 on, in 2 bytes");
        let told = difference(b"so", b"some").unwrap();
        assert_eq!(told, "DIFFERENT from 0x2 on, in 0 bytes, 2 and 4 bytes long");
    }

    #[test]
    fn one_byte_is_enough_to_fail() {
        let made = |byte| vec![("a.sys".to_owned(), vec![1, byte]), ("b".to_owned(), vec![3])];
        assert!(compare(&made(2), &made(2)).is_ok());
        let error = compare(&made(2), &made(9)).unwrap_err().to_string();
        assert!(error.contains("differ in a.sys\n"), "{error}");
    }
}
