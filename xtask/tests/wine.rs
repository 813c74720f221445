//! The Wine lane as a whole: the shipping driver passes it, and what is broken on purpose does not.
//!
//! Run by `cargo xtask test`, which builds what is verified here.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// `PAGEWISE_ARTIFACTS`, where `cargo xtask build --twins` put the images.
fn artifacts() -> PathBuf {
    let folder = std::env::var_os("PAGEWISE_ARTIFACTS");
    PathBuf::from(folder.expect("PAGEWISE_ARTIFACTS is not set: run `cargo xtask test`"))
}

fn twin(name: &str) -> PathBuf {
    artifacts().join("twins").join(name).join("pagewise.sys")
}

/// `cargo xtask verify --on wine` of a driver, with further arguments.
fn verify(driver: &Path, arguments: &[&str]) -> Output {
    let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
    xtask.args(["verify", "--on", "wine", "--no-build", "--driver"]).arg(driver).args(arguments);
    xtask.output().expect("xtask starts")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The results, by id.
fn status<'a>(results: &'a Value, id: &str) -> &'a str {
    let checks = results["checks"].as_array().expect("a list of checks");
    let check = checks.iter().find(|check| check["id"] == id);
    check.and_then(|check| check["status"].as_str()).unwrap_or("absent")
}

#[test]
fn the_shipping_driver_passes_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("wine.json");
    let driver = artifacts().join("pagewise.sys");
    let output = verify(&driver, &["--json", json.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    assert!(errors(&output).contains("Nothing is left of the package"), "{}", errors(&output));

    let results: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(results["machine"]["kind"], "wine");
    let digest = Sha256::digest(std::fs::read(&driver).unwrap());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(results["driver"]["sha256"], digest.as_str());
    assert_eq!(results["summary"]["failed"], 0);
    for id in ["handshake.version", "handshake.sections", "input.values", "access.read-only"] {
        assert_eq!(status(&results, id), "passed", "{id}");
    }
    // What Wine cannot decide is never said to have passed.
    for id in ["paging.base", "paging.evicts", "paging.force-irql", "concurrency.cancel"] {
        assert_eq!(status(&results, id), "skipped", "{id}");
    }
}

#[test]
fn a_driver_that_lies_fails_its_check() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("wine.json");
    let json_argument = json.to_str().unwrap();
    let only = ["--json", json_argument, "--", "--only", "locks.*", "--only", "handshake.*"];
    let output = verify(&twin("over-unlock"), &only);
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
    let results: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(status(&results, "locks.over-unlock"), "failed");
    assert_eq!(status(&results, "handshake.version"), "passed");
}

#[test]
fn a_driver_that_dies_is_a_machine_that_is_gone() {
    let output = verify(&twin("touch-past-end"), &["--", "--only", "input.values"]);
    assert_eq!(output.status.code(), Some(7), "{}", errors(&output));
    let said = errors(&output);
    assert!(said.contains("the process that runs drivers died: page fault on read"), "{said}");
    assert!(said.contains("in pagewise.sys at RVA 0x"), "{said}");
}

/// Two imports under other names: one that nobody has, and one that Wine 8 has
/// only as an entry that ends the process.
#[test]
fn what_wine_lacks_is_named_before_it_is_called() {
    let mut image = std::fs::read(artifacts().join("pagewise.sys")).unwrap();
    rename(&mut image, b"KeBugCheckEx", b"KeNoSuchNeed");
    rename(&mut image, b"MmIsAddressValid", b"KeI386GetLid");
    let folder = tempfile::tempdir().unwrap();
    let driver = folder.path().join("pagewise.sys");
    std::fs::write(&driver, image).unwrap();
    let output = verify(&driver, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
    let said = errors(&output);
    assert!(said.contains("lack: KeNoSuchNeed, KeI386GetLid\n"), "{said}");
}

/// Not even a kill leaves a prefix or a process behind.
#[test]
fn a_run_that_is_killed_is_cleared_away() {
    let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
    xtask.args(["verify", "--on", "wine", "--no-build"]);
    let mut running = xtask.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // The test app's first words: the server, the services and the driver are up.
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("test-app verify")));
    let prefix = prefix_of(&running);
    assert!(prefix.is_dir() && !processes_in(&prefix).is_empty());
    running.kill().unwrap();
    running.wait().unwrap();
    let gone = (0..300).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        !prefix.exists() && processes_in(&prefix).is_empty()
    });
    assert!(gone, "{}: {:?}", prefix.display(), processes_in(&prefix));
}

/// The prefix of a run: it stands in its processes' environment.
fn prefix_of(running: &Child) -> PathBuf {
    let children = format!("/proc/{0}/task/{0}/children", running.id());
    let children = std::fs::read_to_string(children).expect("Linux lists children");
    let mut prefixes = children.split_whitespace().filter_map(|child| {
        let environment = std::fs::read(format!("/proc/{child}/environ")).ok()?;
        let environment = String::from_utf8_lossy(&environment).into_owned();
        environment.split('\0').find_map(|one| one.strip_prefix("WINEPREFIX=").map(PathBuf::from))
    });
    prefixes.next().expect("a child in a prefix")
}

/// The processes that have a prefix in their environment.
fn processes_in(prefix: &Path) -> Vec<String> {
    let variable = format!("WINEPREFIX={}\0", prefix.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc is there") {
        let folder = entry.expect("an entry").path();
        let environment = std::fs::read(folder.join("environ")).unwrap_or_default();
        if String::from_utf8_lossy(&environment).contains(&variable) {
            found.push(folder.display().to_string());
        }
    }
    found
}

/// Renames an import; the new name is no longer than the old one.
fn rename(image: &mut [u8], from: &[u8], to: &[u8]) {
    let old = [b"\0", from, b"\0"].concat();
    let at = image.windows(old.len()).position(|bytes| bytes == old).expect("such an import") + 1;
    image[at..at + from.len()].fill(0);
    image[at..at + to.len()].copy_from_slice(to);
}
