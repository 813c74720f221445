//! Twins: drivers broken on purpose, each a patch in `lab/twins` against the shipping sources.
//!
//! A twin is built from a copy of the sources with the patch applied, in a target folder that
//! starts as a copy of the real one, so that only the driver itself is compiled. The real target
//! folder is never used: cargo would take a twin's packages for the real ones. Several are built at
//! once, each in a lane with a copy of the sources and a target folder of its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sha2::{Digest as _, Sha256};

use crate::build::{Builder, TWIN};
use crate::error::{Error, Result};
use crate::fs;
use crate::progress::Step;
use crate::run;
use crate::setup;
use crate::workspace::Workspace;

/// More lanes than this would cost more disk than they save time: each has a target folder.
const LANES: usize = 2;

/// A driver broken on purpose.
#[derive(Clone, Debug)]
pub struct Twin {
    /// Its patch's name.
    pub name: String,
    patch: PathBuf,
}

impl Twin {
    /// Its image, once it is built into this folder.
    pub fn image(&self, artifacts: &Path) -> PathBuf {
        self.out(artifacts).join("pagewise.sys")
    }

    /// What its patch says of it, before the diff: without the marks of a comment, in one line.
    pub fn heading(&self) -> Result<String> {
        let text = fs::read_text(&self.patch)?;
        let lines = text.lines().map_while(|line| line.strip_prefix('#'));
        Ok(lines.map(str::trim).collect::<Vec<_>>().join(" "))
    }

    fn out(&self, artifacts: &Path) -> PathBuf {
        artifacts.join("twins").join(&self.name)
    }
}

/// Builds the twins of these names, or all.
pub fn build(workspace: &Workspace, builder: &Builder, names: &[String]) -> Result<()> {
    setup::provide(setup::TWINS)?;
    let (sources, artifacts) = (Sources::of(workspace)?, workspace.artifacts());
    let mut stale = Vec::new();
    for twin in named(workspace, names)? {
        let digest = sources.digest(&twin)?;
        let stamp = twin.out(&artifacts).join(STAMP);
        let same = std::fs::read_to_string(stamp).is_ok_and(|old| old == digest);
        if !same || !twin.image(&artifacts).is_file() {
            stale.push((twin, digest));
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    let step = Step::start(match stale.as_slice() {
        [(only, _)] => format!("Building the twin {}", only.name),
        several => format!("Building {} twins", several.len()),
    });
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let first_error = Mutex::new(None);
    thread::scope(|scope| {
        for number in 0..processors.min(LANES).min(stale.len()) {
            let (next, first_error, stale, sources, step) =
                (&next, &first_error, &stale, &sources, &step);
            scope.spawn(move || {
                let work = || -> Result<()> {
                    let lane = Lane::open(workspace, builder, number)?;
                    while let Some((twin, digest)) = stale.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        lane.build(workspace, builder, sources, twin, digest, step)?;
                    }
                    Ok(())
                };
                if let Err(error) = work() {
                    // The other lane ends after its twin at hand.
                    next.store(stale.len(), Ordering::Relaxed);
                    first_error
                        .lock()
                        .unwrap_or_else(|lock| lock.into_inner())
                        .get_or_insert(error);
                }
            });
        }
    });
    if let Some(error) = first_error.into_inner().unwrap_or_else(|lock| lock.into_inner()) {
        return Err(error);
    }
    step.done();
    Ok(())
}

/// The twins of these names, or all.
pub fn named(workspace: &Workspace, names: &[String]) -> Result<Vec<Twin>> {
    let folder = workspace.twins();
    let all: Vec<Twin> = fs::entries(&folder)?
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "patch"))
        .map(|patch| {
            let name = patch.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Twin { name, patch }
        })
        .collect();
    if names.is_empty() {
        return Ok(all);
    }
    let find = |name: &String| {
        all.iter().find(|twin| twin.name == *name).cloned().ok_or_else(|| Error::NoSuchTwin {
            twin: name.clone(),
            folder: folder.clone(),
            known: all.iter().map(|twin| twin.name.clone()).collect(),
        })
    };
    names.iter().map(find).collect()
}

/// Beside a twin's image: the digest of what it was built of.
const STAMP: &str = "sources";

/// What the driver is built of, and what cargo wants to see of the other members: all of the
/// checkout but what is built.
struct Sources {
    /// Paths from the checkout's root.
    files: Vec<PathBuf>,
    root: PathBuf,
    /// Of what matters to the driver.
    hash: Sha256,
}

impl Sources {
    fn of(workspace: &Workspace) -> Result<Self> {
        const MATTERS: [&str; 7] =
            ["driver", "contract", "build.rs", "Cargo.lock", "Cargo.toml", ".cargo", "kit"];
        let root = workspace.root().to_owned();
        let mut git = run::command("git");
        git.current_dir(&root);
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let list = run::quiet(&mut git)?;
        let files = list.split('\0').filter(|file| !file.is_empty()).map(PathBuf::from);
        // A file that is deleted and not yet committed is listed and not there.
        let files: Vec<PathBuf> = files.filter(|file| root.join(file).is_file()).collect();
        let mut hash = Sha256::new();
        for file in files.iter().filter(|file| MATTERS.iter().any(|part| file.starts_with(part))) {
            hash.update(file.to_string_lossy().as_bytes());
            hash.update(fs::read(&root.join(file))?);
        }
        Ok(Self { files, root, hash })
    }

    /// Of what a twin is built of.
    fn digest(&self, twin: &Twin) -> Result<String> {
        let mut hash = self.hash.clone();
        hash.update(fs::read(&twin.patch)?);
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Makes `copy` hold these files and no others, and leaves alone what is right already, so that
    /// cargo compiles only what a patch changes.
    fn copy_to(&self, copy: &Path) -> Result<()> {
        // Cargo reads the settings of the checkout above as well, and other settings than the real
        // build's would mean compiling everything anew.
        let wanted: BTreeSet<&PathBuf> =
            self.files.iter().filter(|file| !file.starts_with(".cargo")).collect();
        fs::create_dir(copy)?;
        for entry in fs::entries(copy)?.into_iter().filter(|entry| !entry.ends_with("target")) {
            let below = if entry.is_dir() { fs::files_below(&entry)? } else { vec![entry] };
            for file in below {
                if file.strip_prefix(copy).is_ok_and(|name| !wanted.contains(&name.to_owned())) {
                    fs::remove_file(&file)?;
                }
            }
        }
        for file in wanted {
            fs::write_if_changed(&copy.join(file), &fs::read(&self.root.join(file))?)?;
        }
        Ok(())
    }
}

/// Where one twin after the other is built.
struct Lane {
    /// The copy of the sources.
    copy: PathBuf,
    /// The target folder: at first a copy of the real one, time stamps and all.
    target: PathBuf,
}

impl Lane {
    fn open(workspace: &Workspace, builder: &Builder, number: usize) -> Result<Self> {
        let folder = workspace.root().join("target/twins").join(number.to_string());
        let (copy, target) = (folder.join("workspace"), folder.join("cargo"));
        if !target.is_dir() && builder.target_dir().is_dir() {
            fs::create_dir(&folder)?;
            let mut cp = run::command("cp");
            cp.args(["--archive", "--reflink=auto"]);
            run::quiet(cp.arg(builder.target_dir()).arg(&target))?;
        }
        Ok(Self { copy, target })
    }

    fn build(
        &self,
        workspace: &Workspace,
        builder: &Builder,
        sources: &Sources,
        twin: &Twin,
        digest: &str,
        step: &Step,
    ) -> Result<()> {
        step.detail(&twin.name);
        sources.copy_to(&self.copy)?;
        fs::link(builder.kit_folder(), &self.copy.join("target/kit"))?;
        apply(&self.copy, twin)?;
        let out = twin.out(&workspace.artifacts());
        fs::remove_file(&out.join(STAMP))?;
        builder.image_in(TWIN, &self.copy, &self.target, &out, step)?;
        fs::write_if_changed(&out.join(STAMP), digest.as_bytes()).map(drop)
    }
}

/// Applies a patch to a folder that is no repository of its own.
fn apply(copy: &Path, twin: &Twin) -> Result<()> {
    let mut git: Command = run::command("git");
    git.current_dir(copy).env("GIT_CEILING_DIRECTORIES", copy.parent().unwrap_or(copy));
    git.args(["apply", "--whitespace=nowarn"]).arg(&twin.patch);
    run::quiet(&mut git).map(drop).map_err(|error| match error {
        Error::Program { output, .. } => {
            Error::StaleTwin { twin: twin.name.clone(), patch: twin.patch.clone(), output }
        }
        other => other,
    })
}
