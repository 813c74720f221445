//! The judge of the driver's requests finds what is wrong: drivers that are broken on purpose do not
//! get through the kept corpus, and the shipping driver does.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pagewise_attack::ioctl::{self, ARTIFACTS, blocks};

fn artifacts() -> PathBuf {
    let Some(folder) = std::env::var_os(ARTIFACTS) else {
        panic!("run `cargo xtask test`, which sets {ARTIFACTS}");
    };
    folder.into()
}

/// Puts the corpus through the driver in the folder of the environment: in a process of its own,
/// since there is one machine a process, and a bug check ends it.
#[test]
#[ignore = "the other tests run it, each with a driver of its own"]
fn corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/ioctl");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    for file in files {
        ioctl::run(&fs::read(file).unwrap());
    }
    for (image, covered, all) in blocks::covered() {
        println!("{image}: {covered} of {all}");
        assert!(covered > 100 && covered < all, "{image}: {covered} of {all} blocks");
    }
}

/// The corpus through a driver.
fn through(driver: &Path) -> Output {
    let folder = tempfile::tempdir().unwrap();
    symlink(driver, folder.path().join("pagewise.sys")).unwrap();
    for file in ["wdfldr.sys", "pagewise.inf"] {
        symlink(artifacts().join(file), folder.path().join(file)).unwrap();
    }
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "corpus", "--ignored", "--nocapture"])
        .env(ARTIFACTS, folder.path())
        .output()
        .unwrap()
}

fn assert_caught(twin: &str, words: &str) {
    let output = through(&artifacts().join("twins").join(twin).join("pagewise.sys"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{twin} got through");
    assert!(said.contains(words), "{twin}: {said}");
}

#[test]
fn the_shipping_driver_gets_through() {
    let output = through(&artifacts().join("pagewise.sys"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_kernel_address_in_an_answer_is_caught() {
    assert_caught("kernel-address", "tells the kernel address");
}

#[test]
fn an_unlock_too_many_is_caught() {
    // Without a lock ever, the driver has nothing to give back to the memory manager: no bug check.
    assert_caught("over-unlock", "NtStatus(0), not [NtStatus(3221225514)]");
}

#[test]
fn a_spin_lock_around_paged_code_is_caught() {
    assert_caught("spin-lock", "DRIVER_IRQL_NOT_LESS_OR_EQUAL");
}

#[test]
fn data_lost_in_paging_is_caught() {
    assert_caught("lost-data", "checksum of");
}
