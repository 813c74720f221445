//! Where things are.

use std::path::{Path, PathBuf};

/// The target that drivers are compiled for.
pub const TARGET: &str = "x86_64-pc-windows-msvc";

/// Folders of one checkout.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The checkout that this program was compiled in.
    pub fn this() -> Self {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self { root: manifest.parent().unwrap_or(manifest).to_owned() }
    }

    /// The folder with `Cargo.lock`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What `cargo xtask build` makes, and what tests take from there.
    pub fn artifacts(&self) -> PathBuf {
        self.root.join("target/pagewise")
    }

    /// Sources of the content root.
    pub fn kit_sources(&self) -> PathBuf {
        self.root.join("kit")
    }

    /// Everything that is generated to make a build possible here.
    pub fn kit(&self) -> PathBuf {
        self.root.join("target/kit")
    }

    /// Broken drivers, as patches.
    pub fn twins(&self) -> PathBuf {
        self.root.join("lab/twins")
    }
}
