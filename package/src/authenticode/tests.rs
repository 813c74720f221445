use proptest::prelude::*;

use super::*;
use crate::testing::{HEADERS, image};

/// Where the checksum and the directory entry of the certificate table are in [`image`].
const CHECKSUM: usize = 0x58 + 64;
const ENTRY: usize = 0x58 + 112 + 4 * 8;

/// The digest by the document's own words: the parts of the headers, the sections by where their
/// data lie, what follows them.
fn by_the_document(file: &[u8], sections: usize, end: usize) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(&file[..CHECKSUM]);
    hash.update(&file[CHECKSUM + 4..ENTRY]);
    hash.update(&file[ENTRY + 8..HEADERS]);
    for index in 0..sections {
        hash.update(&file[HEADERS + index * 0x200..HEADERS + (index + 1) * 0x200]);
    }
    hash.update(&file[HEADERS + sections * 0x200..end]);
    hash.finalize().into()
}

#[test]
fn digests_what_the_document_says() {
    let file = image(3, &[7; 16]);
    assert_eq!(digest(&file).unwrap(), by_the_document(&file, 3, file.len()));
}

#[test]
fn checksum_and_signature_do_not_count_and_all_else_does() {
    let file = image(2, &[]);
    let before = digest(&file).unwrap();
    let mut other = file.clone();
    other[CHECKSUM] ^= 1;
    assert_eq!(digest(&other).unwrap(), before);
    assert_eq!(digest(&embed(&file, &[0x30, 2, 5, 0]).unwrap()).unwrap(), before);
    for at in [0x10, HEADERS, file.len() - 1] {
        let mut other = file.clone();
        other[at] ^= 1;
        assert_ne!(digest(&other).unwrap(), before, "{at:#x}");
    }
}

#[test]
fn sections_in_any_order_of_the_table_give_the_digest_in_file_order() {
    let file = image(2, &[]);
    let mut swapped = file.clone();
    let table = 0x58 + 240;
    let (one, two) = (file[table..table + 40].to_vec(), file[table + 40..table + 80].to_vec());
    swapped[table..table + 40].copy_from_slice(&two);
    swapped[table + 40..table + 80].copy_from_slice(&one);
    assert_eq!(digest(&swapped).unwrap(), by_the_document(&swapped, 2, swapped.len()));
}

#[test]
fn a_signature_comes_back_and_goes_without_a_trace() {
    let mut file = image(1, &[]);
    checksum::set(&mut file).unwrap();
    let pkcs7 = [0x30, 5, 4, 3, 1, 2, 3];
    let signed = embed(&file, &pkcs7).unwrap();
    assert_eq!(signed.len() % 8, 0);
    assert_eq!(signature(&signed).unwrap(), pkcs7);
    assert_eq!(signed[CHECKSUM..CHECKSUM + 4], checksum(&signed, CHECKSUM).to_le_bytes());
    assert_eq!(strip(&signed).unwrap(), file);
    assert_eq!(embed(&signed, &pkcs7), Err(Error::Signed));
    assert_eq!(strip(&file), Err(Error::Unsigned));
    assert_eq!(signature(&file), Err(Error::Unsigned));
}

#[test]
fn what_is_added_to_align_the_signature_counts_before_it_is_there() {
    let file = image(1, &[1, 2, 3]);
    let signed = embed(&file, &[0x30, 0]).unwrap();
    assert_eq!(digest(&file).unwrap(), digest(&signed).unwrap());
}

#[test]
fn a_digest_that_could_mean_two_things_is_refused() {
    let section = 0x58 + 240;
    let mut gap = image(2, &[]);
    gap[section + 40 + 20..section + 40 + 24].copy_from_slice(&0x600_u32.to_le_bytes());
    gap.extend([0; 0x200]);
    assert!(matches!(digest(&gap), Err(Error::Section { index: 1, start: 0x600, end: 0x800 })));
    let mut overlap = image(2, &[]);
    overlap[section + 40 + 20..section + 40 + 24].copy_from_slice(&0x200_u32.to_le_bytes());
    assert!(matches!(digest(&overlap), Err(Error::Section { .. })));
    let mut outside = image(2, &[]);
    outside.pop();
    assert!(matches!(digest(&outside), Err(Error::Section { index: 1, .. })));
}

#[test]
fn a_table_that_is_not_the_end_is_refused() {
    let signed = embed(&image(1, &[]), &[0x30, 2, 5, 0]).unwrap();
    let mut longer = signed.clone();
    longer.push(0);
    assert!(matches!(digest(&longer), Err(Error::Table { .. })));
    let mut misplaced = signed;
    misplaced[ENTRY] ^= 1;
    assert!(matches!(digest(&misplaced), Err(Error::Table { .. })));
}

#[test]
fn what_is_no_image_is_told_by_what_is_wrong() {
    assert_eq!(digest(b""), Err(Error::Short { what: "the DOS header", length: 0 }));
    assert!(matches!(digest(b"[Version]"), Err(Error::Magic { what: "its DOS signature", .. })));
    let mut file = image(1, &[]);
    file[0x58] = 0x07;
    let expected = Error::Magic { what: "its optional header", found: 0x207 };
    assert_eq!(digest(&file), Err(expected));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(file in prop::collection::vec(any::<u8>(), 0..0x500)) {
        hostile(&file);
    }

    #[test]
    fn no_change_of_an_image_makes_it_panic(
        changes in prop::collection::vec((0..0x620_usize, any::<u8>()), 1..12),
        length in 0..0x620_usize,
    ) {
        let mut file = embed(&image(2, &[]), &[0x30, 3, 4, 1, 9]).unwrap();
        for (at, byte) in changes {
            if let Some(old) = file.get_mut(at) {
                *old = byte;
            }
        }
        hostile(&file);
        hostile(&file[..length.min(file.len())]);
    }

    #[test]
    fn every_byte_of_the_content_counts(at in HEADERS..HEADERS + 0x400, bit in 0..8_u32) {
        let file = image(2, &[]);
        let mut other = file.clone();
        other[at] ^= 1 << bit;
        prop_assert_ne!(digest(&file), digest(&other));
    }
}

/// All that reads a file, on one that may be anything; what can be signed must come back as it was.
fn hostile(file: &[u8]) {
    let _ = digest(file);
    let _ = digest_sha1(file);
    let _ = signature(file);
    let _ = strip(file);
    if let Ok(signed) = embed(file, &[0x30, 1, 0]) {
        assert_eq!(signature(&signed).unwrap(), [0x30, 1, 0]);
        assert_eq!(digest(&signed).unwrap(), digest(file).unwrap());
    }
}
