//! What the fuzzers have found worth keeping goes through the same code once more, here without a
//! fuzzer: a finding that was fixed stays fixed.

use std::fs;
use std::path::{Path, PathBuf};

use pagewise_attack as attack;

/// Puts every input of a corpus, and each cut to half, through a target.
fn each(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(target);
    let entries = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("no corpus in {}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    for file in files {
        let Ok(input) = fs::read(&file) else { panic!("cannot read {}", file.display()) };
        // Said only where a test fails.
        println!("{}", file.display());
        run(&input);
        run(&input[..input.len() / 2]);
    }
}

#[test]
fn authenticode() {
    each("authenticode", attack::authenticode::run);
}

#[test]
fn catalog() {
    each("catalog", attack::catalog::run);
}

#[test]
fn contract() {
    each("contract", attack::contract::run);
}

#[test]
fn control() {
    each("control", attack::control::run);
}

#[test]
fn image() {
    each("image", attack::image::run);
}

#[test]
fn inf() {
    each("inf", attack::inf::run);
}

#[test]
fn ioctl() {
    each("ioctl", attack::ioctl::run);
}

#[test]
fn lint() {
    each("lint", attack::lint::run);
}

#[test]
fn security() {
    each("security", attack::security::run);
}

#[test]
fn symbols() {
    each("symbols", attack::symbols::run);
}

#[test]
fn unwind() {
    each("unwind", attack::unwind::run);
}

#[test]
fn wire() {
    each("wire", attack::wire::run);
}
