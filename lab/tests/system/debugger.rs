//! gdb as the driver's author uses it: on a machine that runs, and on what one left behind. It names
//! the functions and lines of drivers, which it knows of their PDBs by `pagewise-lab debug` alone.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Booted, READ, artifacts, boot, boot_with, control, fatal, open};
use crate::report::broken_pdb;
use pagewise_contract::{Ioctl, State};
use pagewise_lab_wire::{Control, Launch, Verifier};

/// More than gdb takes to read the machine's own symbols on a busy host.
const PATIENCE: Duration = Duration::from_secs(120);

/// Starts `pagewise-lab debug`; what it says goes into the folder.
fn debug(folder: &Path, subject: &[&str], gdb: &[&str]) -> Child {
    let output = fs::File::create(folder.join("gdb.txt")).unwrap();
    let errors = output.try_clone().unwrap();
    Command::new(artifacts().join("pagewise-lab"))
        .arg("debug")
        .args(subject)
        .arg("--symbols")
        .arg(folder.join("symbols"))
        .args(["--", "-nx", "-batch"])
        .args(gdb.iter().flat_map(|command| ["-ex", command]))
        // No symbols from elsewhere.
        .env_remove("DEBUGINFOD_URLS")
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .unwrap()
}

/// Waits for gdb, and asks the machine something again and again meanwhile; what gdb said.
fn said(mut child: Child, folder: &Path, mut meanwhile: impl FnMut()) -> String {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
        }
        meanwhile();
        thread::sleep(Duration::from_millis(20));
    }
    fs::read_to_string(folder.join("gdb.txt")).unwrap()
}

/// The lines of a backtrace, once gdb knows the drivers.
fn frames(said: &str) -> Vec<&str> {
    let known = said.rsplit("add symbol table").next().unwrap_or_default();
    known.lines().filter(|line| line.starts_with('#')).collect()
}

fn socket(booted: &Booted) -> String {
    booted.machine.socket().display().to_string()
}

#[test]
fn gdb_stops_a_machine_in_a_function_of_the_driver_and_walks_its_stack() {
    // Evicted at each raise of the IRQL: the faults of the machine are nothing to gdb.
    let booted = boot(&["--force-irql"]);
    let mut client = booted.connect();
    let handle = open(&mut client, READ);
    let commands = ["break evt_io_device_control", "continue", "backtrace", "detach"];
    let folder = tempfile::tempdir().unwrap();
    let gdb = debug(folder.path(), &[&socket(&booted)], &commands);
    let said = said(gdb, folder.path(), || {
        let end = client.ioctl(handle, Ioctl::State.code(), &[], size_of::<State>() as u32);
        assert_eq!(end.unwrap().status, 0);
    });
    let frames = frames(&said);
    let [first, rest @ ..] = &frames[..] else { panic!("no backtrace: {said}") };
    assert!(first.contains("pagewise::queue::evt_io_device_control"), "{said}");
    assert!(first.contains("queue.rs:"), "a source line of the driver: {said}");
    let framework = rest.iter().position(|frame| frame.contains("wdfldr::"));
    let machine = rest.iter().position(|frame| frame.contains("lab/src/serve/connection.rs"));
    assert!(framework.expect(&said) < machine.expect(&said), "{said}");
    assert!(!said.contains("SIGSEGV"), "its own faults stop no machine: {said}");
    // And it goes on.
    let end = client.ioctl(handle, Ioctl::State.code(), &[], size_of::<State>() as u32).unwrap();
    assert_eq!(end.status, 0);
    booted.shut_down();
}

/// A machine that bug-checks with a dump, whose framework touched the driver's page.
fn dumped(folder: &Path) -> String {
    let dump = folder.join("machine.core").display().to_string();
    let twin = artifacts().join("twins/no-reset/pagewise.sys");
    let booted = boot_with(&twin, &["--dump", &dump]);
    let mut client = booted.connect();
    control(&mut client, &Control::Evict);
    control(&mut client, &Control::Verify(Verifier { force_irql: true, ..Verifier::default() }));
    fatal(&mut client, &Control::Unplug { surprise: false });
    let report = booted.bug_check();
    assert_eq!(report.dump.as_deref(), Some(&*dump));
    dump
}

#[test]
fn gdb_opens_a_dump_at_the_fault_and_reads_pages_that_were_out() {
    let folder = tempfile::tempdir().unwrap();
    let dump = dumped(folder.path());
    let commands = ["backtrace", "info threads"];
    let told = said(debug(folder.path(), &["--dump", &dump], &commands), folder.path(), || {});
    let frames = frames(&told);
    let first = frames.first().unwrap_or_else(|| panic!("no backtrace: {told}"));
    assert!(first.contains("wdfldr::"), "the framework's function that touched it: {told}");
    assert!(first.contains(".rs:"), "a source line: {told}");
    let machine = frames.iter().any(|frame| frame.contains("lab/src/pnp/"));
    assert!(machine, "and the machine's that removed the device: {told}");
    assert!(told.lines().filter(|line| line.contains("LWP")).count() > 3, "its threads: {told}");

    let script = fs::read_to_string(folder.path().join("symbols/lab.gdb")).unwrap();
    let base = script
        .lines()
        .find(|line| line.starts_with("add-symbol-file") && line.contains("pagewise.debug"))
        .and_then(|line| line.rsplit(' ').next())
        .unwrap_or_else(|| panic!("no base of the driver in {script}"));
    // The driver's headers were in no working set.
    let look = format!("x/2xb {base}");
    let told = said(debug(folder.path(), &["--dump", &dump], &[&look]), folder.path(), || {});
    assert!(told.contains("0x4d\t0x5a"), "MZ: {told}");
}

#[test]
fn a_pdb_that_panics_its_reader_costs_the_names_alone() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("wdfldr.sys");
    fs::copy(artifacts().join("wdfldr.sys"), &image).unwrap();
    fs::write(image.with_extension("pdb"), broken_pdb()).unwrap();
    let launch = Launch { framework: image, ..Launch::from_artifacts(&artifacts()) };
    let machine = launch.start(folder.path()).unwrap();
    let output = Command::new(artifacts().join("pagewise-lab"))
        .args(["debug", "--print", "--symbols"])
        .arg(folder.path().join("symbols"))
        .arg(machine.socket())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("wdfldr.sys: no names of functions"), "{said}");
    assert!(!said.contains("pagewise.sys: no names"), "{said}");
    let symbols = folder.path().join("symbols");
    let bytes = |name: &str| fs::metadata(symbols.join(name)).unwrap().len();
    assert!(bytes("wdfldr.debug") > 1000, "its frames are there");
    assert!(bytes("pagewise.debug") > 1000 && bytes("lab.gdb") > 0);
    assert!(machine.shut_down().unwrap().success());
}

#[test]
fn what_is_no_dump_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let run = |dump: &Path| -> Output {
        let lab = artifacts().join("pagewise-lab");
        Command::new(lab).args(["debug", "--print", "--dump"]).arg(dump).output().unwrap()
    };
    let missing = run(&folder.path().join("none.core"));
    assert!(!missing.status.success());
    assert!(String::from_utf8_lossy(&missing.stderr).contains("cannot read"), "{missing:?}");
    let other = run(&artifacts().join("pagewise-lab"));
    assert!(!other.status.success());
    let said = String::from_utf8_lossy(&other.stderr);
    assert!(said.contains("is no dump of pagewise-lab"), "{said}");
}
