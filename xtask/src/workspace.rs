//! Where things are.

use std::path::{Path, PathBuf};

/// The target that drivers are compiled for.
pub const TARGET: &str = "x86_64-pc-windows-msvc";

/// The target that programs for Windows are compiled for here: its C runtime is free, the other's
/// comes with Visual Studio.
pub const PROGRAM_TARGET: &str = "x86_64-pc-windows-gnu";

/// Folders of one checkout.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The checkout that cargo runs this program in; run by hand, the one it was compiled in. The
    /// two differ when a checkout was moved with its target folder.
    pub fn this() -> Self {
        const COMPILED_IN: &str = env!("CARGO_MANIFEST_DIR");
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(COMPILED_IN), PathBuf::from);
        Self { root: manifest.parent().unwrap_or(&manifest).to_owned() }
    }

    /// The checkout in this folder.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
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
