//! What an unsound file becomes: an error that holds the numbers, never more.

use std::path::Path;

use proptest::prelude::*;

use crate::image::{self, LoadError, Part};
use crate::testing::pe::{Builder, CODE, DATA, fix_checksum};

/// Where the builder puts things.
const NT: usize = 0x80;
const OPTIONAL: usize = NT + 24;
const DIRECTORY: usize = OPTIONAL + 112;
const SECTIONS: usize = DIRECTORY + 128;

fn sound() -> Vec<u8> {
    Builder::new()
        .section(".text", CODE, &[0xc3; 5000])
        .section(".data", DATA, &[0; 64])
        .relocation(0x3000)
        .import("ntoskrnl.exe", &["MmPageEntireDriver", "MmResetDriverPaging"])
        .export("Something", 0x1000)
        .file()
}

/// Loads the sound file with `bytes` put at `offset` and the checksum made right again.
fn load_with(offset: usize, bytes: &[u8]) -> LoadError {
    let mut file = sound();
    file[offset..offset + bytes.len()].copy_from_slice(bytes);
    fix_checksum(&mut file);
    match image::load(Path::new("hostile.sys"), &file) {
        Err(error) => error,
        Ok(image) => {
            image::unload(image);
            panic!("loaded with {bytes:x?} at {offset:#x}");
        }
    }
}

#[test]
fn each_lie_in_the_headers_is_told_by_its_numbers() {
    use LoadError::*;
    let u32 = |value: u32| value.to_le_bytes();
    macro_rules! refused {
        ($offset:expr, $bytes:expr, $error:pat) => {
            let error = load_with($offset, &$bytes);
            assert!(matches!(error, $error), "{error}");
        };
    }
    refused!(0, *b"ZM", Signature { part: Part::DosHeader, found: 0x4d5a, .. });
    refused!(
        0x3c,
        u32(0xffff_fff0),
        OutOfBounds { part: Part::NtHeaders, offset: 0xffff_fff0, .. }
    );
    refused!(NT, *b"NE\0\0", Signature { part: Part::NtHeaders, found: 0x454e, .. });
    refused!(NT + 4, [0x4c, 0x01], Machine { found: 0x14c });
    refused!(NT + 6, [0, 0], Field { field: "NumberOfSections", found: 0, .. });
    refused!(NT + 6, [97, 0], Field { field: "NumberOfSections", found: 97, .. });
    refused!(NT + 20, [0xff, 0xff], Field { field: "SizeOfHeaders", .. });
    refused!(NT + 22, [0x20, 0], Field { field: "Characteristics", found: 0x20, .. });
    refused!(NT + 22, [0x23, 0], NotRelocatable);
    refused!(OPTIONAL, [0x0b, 0x01], Signature { found: 0x10b, expected: 0x20b, .. });
    refused!(OPTIONAL + 16, u32(0), Field { field: "AddressOfEntryPoint", found: 0, .. });
    refused!(OPTIONAL + 16, u32(0x3000), Field { field: "AddressOfEntryPoint", .. });
    refused!(OPTIONAL + 32, u32(0x200), Field { field: "SectionAlignment", found: 0x200, .. });
    refused!(OPTIONAL + 32, u32(0x3000), Field { field: "SectionAlignment", .. });
    refused!(OPTIONAL + 56, u32(0), Field { field: "SizeOfImage", found: 0, .. });
    refused!(OPTIONAL + 56, u32(0x1000), OutOfBounds { part: Part::SectionContent, .. });
    refused!(OPTIONAL + 56, u32(0xf000), Field { field: "SizeOfImage", found: 0xf000, .. });
    refused!(OPTIONAL + 56, u32(0xffff_f000), Field { field: "SizeOfImage", .. });
    refused!(OPTIONAL + 60, u32(u32::MAX), OutOfBounds { part: Part::NtHeaders, .. });
    refused!(OPTIONAL + 68, [3, 0], Subsystem { found: 3 });
    refused!(OPTIONAL + 108, u32(u32::MAX), Field { field: "NumberOfRvaAndSizes", .. });
    refused!(
        SECTIONS + 12,
        u32(0x2000),
        SectionPlace { index: 0, rva: 0x2000, expected: 0x1000, .. }
    );
    refused!(SECTIONS + 40 + 12, u32(0x1000), SectionPlace { index: 1, rva: 0x1000, .. });
    refused!(SECTIONS + 8, u32(u32::MAX), Field { field: "a section's size", .. });
    refused!(SECTIONS + 20, u32(0x7fff_0000), OutOfBounds { part: Part::SectionContent, .. });
}

#[test]
fn each_lie_in_the_directories_is_told_by_its_numbers() {
    use LoadError::*;
    let entry = |rva: u32, bytes: u32| [rva.to_le_bytes(), bytes.to_le_bytes()].concat();
    macro_rules! refused {
        ($index:expr, $rva:expr, $bytes:expr, $error:pat) => {
            let error = load_with(DIRECTORY + 8 * $index, &entry($rva, $bytes));
            assert!(matches!(error, $error), "{error}");
        };
    }
    refused!(0, 0x7fff_0000, 40, OutOfBounds { part: Part::Exports, .. });
    refused!(0, 0x1000, 40, Field { field: "NumberOfNames", .. });
    refused!(1, 0x7fff_0000, 40, OutOfBounds { part: Part::Imports, .. });
    refused!(1, 0x1000, 40, OutOfBounds { part: Part::Imports, .. });
    refused!(5, 0, 0, NotRelocatable);
    refused!(5, 0x7fff_0000, 12, OutOfBounds { part: Part::Relocations, .. });
    refused!(5, 0x1000, 12, OutOfBounds { part: Part::Relocations, bytes: 0xc3c3_c3c3, .. });
}

#[test]
fn a_file_that_was_changed_is_found_out_by_its_checksum() {
    let mut file = sound();
    let last = file.len() - 1;
    file[last] ^= 1;
    let error = image::load(Path::new("hostile.sys"), &file).unwrap_err();
    assert!(matches!(error, LoadError::Checksum { .. }), "{error}");
}

#[test]
fn a_file_that_ends_early_is_out_of_bounds() {
    let whole = sound();
    for length in (0..whole.len()).step_by(37) {
        let mut file = whole[..length].to_vec();
        if length >= OPTIONAL + 68 {
            fix_checksum(&mut file);
        }
        let error = image::load(Path::new("hostile.sys"), &file).unwrap_err();
        assert!(matches!(error, LoadError::OutOfBounds { .. }), "{length}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..Default::default() })]

    #[test]
    fn whatever_is_changed_the_loader_says_yes_or_no(
        changes in proptest::collection::vec((0.0..1.0_f64, any::<u8>()), 1..12),
        in_headers in any::<bool>(),
    ) {
        let mut file = sound();
        for (place, byte) in changes {
            let range = if in_headers { 0x400 } else { file.len() };
            file[(place * range as f64) as usize] = byte;
        }
        fix_checksum(&mut file);
        if let Ok(image) = image::load(Path::new("fuzzed.sys"), &file) {
            prop_assert!(image.size() >= 0x1000);
            image::unload(image);
        }
    }

    #[test]
    fn random_numbers_where_numbers_are_do_not_harm(
        field in 0_usize..0x100,
        value in prop_oneof![any::<u32>(), 0_u32..0x10000, Just(u32::MAX), Just(0x7fff_ffff)],
    ) {
        let mut file = sound();
        let at = 0x3c + 4 * field;
        file[at..at + 4].copy_from_slice(&value.to_le_bytes());
        fix_checksum(&mut file);
        if let Ok(image) = image::load(Path::new("fuzzed-field.sys"), &file) {
            image::unload(image);
        }
    }

    #[test]
    fn noise_is_no_driver(noise in proptest::collection::vec(any::<u8>(), 0..2048)) {
        prop_assert!(image::load(Path::new("noise.sys"), &noise).is_err());
    }
}
