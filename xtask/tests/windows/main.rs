//! What is for Windows and has not run there yet, held against what can be read here: the tasks of
//! `Makefile.toml` against wdk-build's makefile, the workflow against the README.

mod makefile;
mod verifier;
mod workflow;

use std::path::PathBuf;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
