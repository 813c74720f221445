//! The report of a bug check in real images: names and lines come from the PDB that was made with
//! an image, and from no other.

use std::fs;
use std::path::Path;

use crate::common::{Booted, artifacts};
use pagewise_lab_wire::{BugCheck, Control, Error, Frame, Launch, Verifier};

/// Pulls the device of the twin that does not reset its paging. `framework` is put beside the
/// framework's image as its PDB.
fn report_with_pdb(framework: Option<&Path>) -> BugCheck {
    let folder = tempfile::tempdir().expect("a folder for the machine");
    let image = folder.path().join("wdfldr.sys");
    fs::copy(artifacts().join("wdfldr.sys"), &image).expect("the framework is built");
    if let Some(pdb) = framework {
        fs::copy(pdb, image.with_extension("pdb")).expect("the PDB is built");
    }
    let mut launch = Launch::from_artifacts(&artifacts());
    launch.driver = artifacts().join("twins/no-reset/pagewise.sys");
    launch.framework = image;
    let machine = launch.start(folder.path()).expect("the twin starts");
    let booted = Booted { machine, folder };
    let mut client = booted.connect();
    let verifier = Verifier { force_irql: true, ..Verifier::default() };
    client.control(&Control::Verify(verifier)).expect("the verifier can be set");
    let pulled = client.control(&Control::Unplug { surprise: false });
    assert!(matches!(pulled, Err(Error::MachineGone)), "it survived: {pulled:?}");
    booted.bug_check()
}

/// The frames in the framework, innermost first.
fn in_framework(report: &BugCheck) -> Vec<&Frame> {
    let stack = report.stack.iter();
    stack.take_while(|frame| frame.module.as_deref() == Some("wdfldr.sys")).collect()
}

#[test]
fn frames_are_named_by_the_pdb_beside_the_image() {
    let report = report_with_pdb(Some(&artifacts().join("wdfldr.pdb")));
    let frames = in_framework(&report);
    assert!(frames.len() > 2, "{:#?}", report.stack);
    for frame in frames {
        let (function, source) = (frame.function.as_deref(), frame.source.as_deref());
        assert!(function.is_some_and(|name| name.starts_with("wdfldr::")), "{frame:?}");
        assert!(source.is_some_and(|source| source.contains(".rs:")), "{frame:?}");
    }
    // And the walk went on into the machine.
    let machine =
        report.stack.iter().filter(|frame| frame.module.as_deref() == Some("ntoskrnl.exe"));
    let names: Vec<_> = machine.filter_map(|frame| frame.function.as_deref()).collect();
    assert!(names.iter().any(|name| name.contains("pnp::remove")), "{names:?}");
}

#[test]
fn without_a_pdb_there_are_offsets() {
    let report = report_with_pdb(None);
    let frames = in_framework(&report);
    assert!(frames.len() > 2, "{:#?}", report.stack);
    assert!(frames.iter().all(|frame| frame.function.is_none() && frame.rva.is_some()));
}

#[test]
fn the_pdb_of_another_image_is_not_believed() {
    let report = report_with_pdb(Some(&artifacts().join("pagewise.pdb")));
    assert!(in_framework(&report).iter().all(|frame| frame.function.is_none()));
}

/// A PDB whose identifier is right, and whose table of streams names a place beyond its end: its
/// reader (pdb2 0.10) panics on it.
pub fn broken_pdb() -> Vec<u8> {
    let image = fs::read(artifacts().join("wdfldr.sys")).expect("the framework is built");
    let mut pdb = fs::read(artifacts().join("wdfldr.pdb")).expect("its PDB is built");
    let at = |bytes: &[u8], wanted: &[u8]| bytes.windows(wanted.len()).position(|w| w == wanted);
    let guid = at(&image, b"RSDS").expect("the image names its PDB") + 4;
    let guid = &image[guid..guid + 16];
    // The stream goes on with the bytes of its names, the names, the size of the table, two sets of
    // bits with their lengths in words, and the table: an offset of a name, a stream.
    let mut next = at(&pdb, guid).expect("the PDB has the identifier") + guid.len();
    let number = |next: &mut usize| {
        let bytes = pdb[*next..*next + 4].try_into().expect("four bytes");
        *next += 4;
        u32::from_le_bytes(bytes) as usize
    };
    next += number(&mut next);
    next += 8;
    for _ in 0..2 {
        next += 4 * number(&mut next);
    }
    pdb[next..next + 4].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    pdb
}

#[test]
fn a_broken_pdb_costs_the_names_alone() {
    let folder = tempfile::tempdir().expect("a folder for the PDB");
    let pdb = folder.path().join("broken.pdb");
    fs::write(&pdb, broken_pdb()).expect("room for a PDB");
    let report = report_with_pdb(Some(&pdb));
    let frames = in_framework(&report);
    assert!(frames.len() > 2, "{:#?}", report.stack);
    assert!(frames.iter().all(|frame| frame.function.is_none() && frame.rva.is_some()));
    assert_eq!(report.victim.as_deref(), Some("pagewise.sys"));
    assert!(!report.advice.is_empty());
}
