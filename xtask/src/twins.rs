//! Twins: drivers broken on purpose, each a patch in `lab/twins` against the shipping sources.
//!
//! A twin is built from a copy of the sources with the patch applied, in a target folder that
//! starts as a copy of the real one, so that only the driver itself is compiled. The real target
//! folder is never used: cargo would take a twin's packages for the real ones.

use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::build::{Builder, DRIVER};
use crate::error::{Error, Result};
use crate::fs;
use crate::progress::Step;
use crate::run;
use crate::setup;
use crate::workspace::Workspace;

/// Builds the twins of these names, or all. Returns the paths of their images.
pub fn build(workspace: &Workspace, builder: &Builder, names: &[String]) -> Result<Vec<PathBuf>> {
    setup::provide(setup::TWINS)?;
    let patches = patches(workspace, names)?;
    let mut images = Vec::new();
    for (name, patch) in patches {
        images.push(one(workspace, builder, &name, &patch)?);
    }
    Ok(images)
}

/// Name and patch of each twin asked for.
fn patches(workspace: &Workspace, names: &[String]) -> Result<Vec<(String, PathBuf)>> {
    let folder = workspace.twins();
    let all: Vec<(String, PathBuf)> = fs::entries(&folder)?
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "patch"))
        .map(|path| (path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), path))
        .collect();
    if names.is_empty() {
        return Ok(all);
    }
    let find = |name: &String| {
        all.iter().find(|(known, _)| known == name).cloned().ok_or_else(|| Error::NoSuchTwin {
            twin: name.clone(),
            folder: folder.clone(),
            known: all.iter().map(|(known, _)| known.clone()).collect(),
        })
    };
    names.iter().map(find).collect()
}

fn one(workspace: &Workspace, builder: &Builder, name: &str, patch: &Path) -> Result<PathBuf> {
    let out = workspace.artifacts().join("twins").join(name);
    let stamp = out.join("sources");
    let sys = out.join("pagewise.sys");
    let files = sources(workspace)?;
    let digest = digest(workspace, &files, patch)?;
    if sys.is_file() && std::fs::read_to_string(&stamp).is_ok_and(|old| old == digest) {
        return Ok(sys);
    }
    let step = Step::start(format!("Copying the sources for the twin {name}"));
    let copy = workspace.root().join("target/twins/workspace");
    fs::remove_dir(&copy)?;
    for file in &files {
        let name = file.strip_prefix(workspace.root()).unwrap_or(file);
        // Cargo reads the settings of the checkout above as well, and other settings than the real
        // build's would mean compiling everything anew.
        if !name.starts_with(".cargo") {
            fs::write_if_changed(&copy.join(name), &fs::read(file)?)?;
        }
    }
    fs::link(builder.kit_folder(), &copy.join("target/kit"))?;
    apply(&copy, name, patch)?;
    let target = target(workspace, builder)?;
    step.done();
    fs::remove_file(&stamp)?;
    let sys = builder.image_in(DRIVER, &copy, &target, &out)?;
    fs::write_if_changed(&stamp, digest.as_bytes())?;
    Ok(sys)
}

/// What the driver is built of, and what cargo wants to see of the other members: all of the
/// checkout but what is built.
fn sources(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let mut git = run::command("git");
    git.current_dir(workspace.root());
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let list = run::quiet(&mut git)?;
    let files = list.split('\0').filter(|file| !file.is_empty());
    // A file that is deleted and not yet committed is listed and not there.
    Ok(files.map(|file| workspace.root().join(file)).filter(|file| file.is_file()).collect())
}

fn digest(workspace: &Workspace, files: &[PathBuf], patch: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(fs::read(patch)?);
    for file in files {
        let matters =
            ["driver", "contract", "build.rs", "Cargo.lock", "Cargo.toml", ".cargo", "kit"];
        let name = file.strip_prefix(workspace.root()).unwrap_or(file);
        if matters.iter().any(|part| name.starts_with(part)) {
            hash.update(name.to_string_lossy().as_bytes());
            hash.update(fs::read(file)?);
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Applies a patch to a folder that is no repository of its own.
fn apply(copy: &Path, name: &str, patch: &Path) -> Result<()> {
    let mut git: Command = run::command("git");
    git.current_dir(copy).env("GIT_CEILING_DIRECTORIES", copy.parent().unwrap_or(copy));
    run::quiet(git.args(["apply", "--whitespace=nowarn"]).arg(patch)).map(drop).map_err(|error| {
        match error {
            Error::Program { output, .. } => {
                Error::StaleTwin { twin: name.to_owned(), patch: patch.to_owned(), output }
            }
            other => other,
        }
    })
}

/// The target folder of all twins: at first a copy of the real one, time stamps and all.
fn target(workspace: &Workspace, builder: &Builder) -> Result<PathBuf> {
    let target = workspace.root().join("target/twins/cargo");
    if !target.is_dir() && builder.target_dir().is_dir() {
        fs::create_dir(target.parent().unwrap_or(&target))?;
        let mut copy = run::command("cp");
        copy.args(["--archive", "--reflink=auto"]);
        run::quiet(copy.arg(builder.target_dir()).arg(&target))?;
    }
    Ok(target)
}
