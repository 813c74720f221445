use proptest::prelude::*;

use super::*;
use crate::testing::{IDENTITY, NOW, image};

/// A value to sign: a SEQUENCE with an OCTET STRING.
const CONTENT: [u8; 6] = [0x30, 4, 4, 2, 1, 2];

#[test]
fn what_is_signed_is_verified_and_by_whom() {
    let message = catalog(&CONTENT, &IDENTITY).unwrap();
    let signed = verify(&message, oid::CTL).unwrap();
    assert_eq!(signed.content, CONTENT);
    assert_eq!(signed.certificate_der().unwrap(), IDENTITY.certificate_der().unwrap());
}

#[test]
fn an_image_is_signed_by_its_digest() {
    let file = image(2, &[]);
    let signed = super::image(&file, &IDENTITY).unwrap();
    let message = verify(authenticode::signature(&signed).unwrap(), oid::INDIRECT_DATA).unwrap();
    assert_eq!(image_digest(&message).unwrap(), authenticode::digest(&file).unwrap());
    assert!(matches!(
        super::image(&signed, &IDENTITY),
        Err(Error::Image(authenticode::Error::Signed))
    ));
}

#[test]
fn the_type_of_the_content_counts() {
    let message = catalog(&CONTENT, &IDENTITY).unwrap();
    assert_eq!(
        verify(&message, oid::INDIRECT_DATA).unwrap_err(),
        VerifyError::Content { found: oid::CTL, expected: oid::INDIRECT_DATA }
    );
}

#[test]
fn changed_content_is_found() {
    let message = catalog(&CONTENT, &IDENTITY).unwrap();
    let at = message.windows(CONTENT.len()).position(|bytes| bytes == CONTENT).unwrap();
    let mut changed = message;
    changed[at + 5] ^= 1;
    assert_eq!(verify(&changed, oid::CTL).unwrap_err(), VerifyError::Changed);
}

#[test]
fn a_changed_signature_is_found() {
    let mut message = catalog(&CONTENT, &IDENTITY).unwrap();
    *message.last_mut().unwrap() ^= 1;
    assert_eq!(verify(&message, oid::CTL).unwrap_err(), VerifyError::Signature);
}

#[test]
fn another_key_behind_the_same_name_is_found() {
    let other = Identity::throw_away(NOW).unwrap();
    let mixed = Identity { certificate: IDENTITY.certificate.clone(), key: other.key };
    let message = catalog(&CONTENT, &mixed).unwrap();
    assert_eq!(verify(&message, oid::CTL).unwrap_err(), VerifyError::Signature);
}

#[test]
fn no_signature_is_no_signature() {
    let message = unsigned_catalog(&CONTENT).unwrap();
    assert_eq!(verify(&message, oid::CTL).unwrap_err(), VerifyError::Lacks("signature"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(message in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(verify(&message, oid::CTL).is_err());
    }

    #[test]
    fn no_change_passes_for_other_content(at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let mut message = catalog(&CONTENT, &IDENTITY).unwrap();
        let at = at.index(message.len());
        message[at] ^= 1 << bit;
        if let Ok(signed) = verify(&message, oid::CTL) {
            prop_assert_eq!(signed.content, CONTENT.to_vec());
        }
    }
}
