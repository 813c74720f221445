//! Each rule, broken once.

use super::sample::Sample;
use super::*;

fn broken(sample: &Sample) -> Vec<Violation> {
    violations(&sample.build(), DRIVER, &["/home/someone".to_owned()]).unwrap()
}

fn with_flags(section: &[u8], flags: u32) -> Sample {
    let mut sample = Sample::default();
    let found = sample.sections.iter_mut().find(|(name, _)| *name == section).unwrap();
    found.1 = flags;
    sample
}

fn renamed(from: &[u8], to: &'static [u8]) -> Sample {
    let mut sample = Sample::default();
    sample.sections.iter_mut().find(|(name, _)| *name == from).unwrap().0 = to;
    sample
}

#[test]
fn the_sound_image_breaks_nothing() {
    assert_eq!(broken(&Sample::default()), []);
}

#[test]
fn for_the_kernel_and_x64() {
    assert_eq!(
        broken(&Sample { subsystem: 3, ..Sample::default() }),
        [Violation::Subsystem { found: 3 }]
    );
    assert_eq!(
        broken(&Sample { machine: 0x14c, ..Sample::default() }),
        [Violation::Machine { found: 0x14c }]
    );
}

#[test]
fn imports_from_the_kernel_and_the_framework_only() {
    let sample = Sample { dlls: [b"ntoskrnl.exe", b"ntdll.dll"], ..Sample::default() };
    let expected =
        Violation::Import { dll: "ntdll.dll".to_owned(), names: 1, first: "Routine".to_owned() };
    assert_eq!(broken(&sample), [expected]);
}

#[test]
fn the_framework_itself_imports_from_the_kernel_only() {
    let found = violations(&Sample::default().build(), FRAMEWORK, &[]).unwrap();
    assert!(matches!(&found[..], [Violation::Import { dll, .. }] if dll == "WDFLDR.SYS"));
}

#[test]
fn the_driver_does_not_allocate() {
    let sample = Sample { import: b"ExFreePool", ..Sample::default() };
    let found = broken(&sample);
    assert!(
        matches!(&found[..], [Violation::Allocates { name, .. }, _] if name == "ExFreePool"),
        "{found:?}"
    );
    let allowed = Rules { forbidden: &[], ..DRIVER };
    assert_eq!(violations(&sample.build(), allowed, &[]).unwrap(), []);
}

#[test]
fn a_driver_needs_a_pdb_to_be_checked_for_panics() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sample.sys");
    fs::write_if_changed(&path, &Sample::default().build()).unwrap();
    let error = check(&path, DRIVER, &[]).unwrap_err();
    let Error::BadImage { violations, .. } = error else { panic!("{error}") };
    assert!(matches!(violations[..], [Violation::UnreadablePdb { .. }]), "{violations:?}");
    check(&path, Rules { panics: true, ..DRIVER }, &[]).unwrap();
}

#[test]
fn the_checksum_is_that_of_the_content() {
    let mut file = Sample::default().build();
    let last = file.len() - 1;
    file[last] ^= 1;
    let found = violations(&file, DRIVER, &[]).unwrap();
    assert!(matches!(found[..], [Violation::Checksum { stored, computed }] if stored != computed));
}

#[test]
fn nothing_is_writable_and_executable() {
    assert_eq!(
        broken(&with_flags(b".text", 0xe800_0020)),
        [Violation::WritableCode { section: ".text".to_owned(), characteristics: 0xe800_0020 }]
    );
}

#[test]
fn residents_are_marked_and_nothing_else() {
    assert_eq!(
        broken(&with_flags(b".text", 0x6000_0020)),
        [Violation::ResidentUnmarked { section: ".text".to_owned(), characteristics: 0x6000_0020 }]
    );
    assert_eq!(
        broken(&with_flags(b"PAGE", 0x6800_0020)),
        [Violation::PageableMarked { section: "PAGE".to_owned(), characteristics: 0x6800_0020 }]
    );
}

#[test]
fn init_is_there_and_thrown_away() {
    assert_eq!(
        broken(&with_flags(b"INIT", 0x6800_0020)),
        [Violation::InitStays { characteristics: 0x6800_0020 }]
    );
    assert_eq!(broken(&renamed(b"INIT", b"FIRST")), [Violation::NoInit]);
}

#[test]
fn something_is_pageable() {
    let mut sample = renamed(b"PAGE", b"COLD");
    sample.sections[2].1 = 0x6800_0020;
    assert_eq!(broken(&sample), [Violation::NothingPageable]);
}

#[test]
fn it_can_be_relocated() {
    assert_eq!(
        broken(&Sample { characteristics: 0x2023, ..Sample::default() }),
        [Violation::NoRelocations { characteristics: 0x2023, bytes: 12 }]
    );
    assert_eq!(
        broken(&Sample { relocations: 0, ..Sample::default() }),
        [Violation::NoRelocations { characteristics: 0x2022, bytes: 0 }]
    );
}

#[test]
fn no_leftovers() {
    let mut sample = renamed(b"PAGE", b".retplne");
    sample.sections[2].1 = 0x4800_0040;
    let found = broken(&sample);
    let leftover = Violation::Leftover { section: ".retplne".to_owned(), bytes: 0x200 };
    assert!(found.contains(&leftover), "{found:?}");
}

#[test]
fn no_folder_of_the_builders_machine() {
    let sample = Sample { text: b"x /home/someone/src/lib.rs".to_vec(), ..Sample::default() };
    assert_eq!(
        broken(&sample),
        [Violation::PrivatePath { offset: 0x402, text: "/home/someone/src/lib.rs".to_owned() }]
    );
    let wide: Vec<u8> = "/home/someone".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let found = broken(&Sample { text: wide, ..Sample::default() });
    assert!(matches!(found[..], [Violation::PrivatePath { offset: 0x400, .. }]), "{found:?}");
}

#[test]
fn the_pdb_is_a_name_without_a_folder() {
    assert_eq!(
        broken(&Sample { pdb: b"C:\\x\\sample.pdb", ..Sample::default() }),
        [Violation::PdbPath { path: "C:\\x\\sample.pdb".to_owned() }]
    );
}

#[test]
fn there_is_a_pdb() {
    let mut file = Sample::default().build();
    // The size of the debug directory, the seventh of the data directories.
    let size = 0x40 + 24 + 112 + 6 * 8 + 4;
    file[size..size + 4].fill(0);
    places::set_checksum(&mut file).unwrap();
    assert_eq!(violations(&file, DRIVER, &[]).unwrap(), [Violation::NoPdb]);
}

#[test]
fn marking_residents_makes_an_unmarked_image_sound() {
    let mut sample = Sample::default();
    for (_, flags) in &mut sample.sections {
        *flags &= !places::NOT_PAGED;
    }
    let mut file = sample.build();
    assert_eq!(violations(&file, DRIVER, &[]).unwrap().len(), 2);
    places::mark_residents(&mut file).unwrap();
    places::set_checksum(&mut file).unwrap();
    assert_eq!(file, Sample::default().build());
}

#[test]
fn what_is_no_image_is_an_error_and_no_panic() {
    assert!(violations(b"", DRIVER, &[]).is_err());
    assert!(violations(b"MZ and then nothing", DRIVER, &[]).is_err());
    let sound = Sample::default().build();
    for length in 0..sound.len() {
        // Whatever the answer, no panic.
        let _ = violations(&sound[..length], DRIVER, &[]);
    }
}
