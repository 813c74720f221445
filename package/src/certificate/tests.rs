use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};

use super::*;
use crate::testing::IDENTITY;

#[test]
fn a_throw_away_certificate_is_for_signing_code_and_nothing_else() {
    let tbs = &IDENTITY.certificate.tbs_certificate;
    assert_eq!(IDENTITY.subject(), SUBJECT);
    assert_eq!(tbs.issuer, tbs.subject);
    let (_, constraints) = tbs.get::<BasicConstraints>().unwrap().unwrap();
    assert!(!constraints.ca);
    let (critical, usage) = tbs.get::<KeyUsage>().unwrap().unwrap();
    assert!(critical && usage.digital_signature() && !usage.key_cert_sign());
    let (_, usage) = tbs.get::<ExtendedKeyUsage>().unwrap().unwrap();
    assert_eq!(usage.0.len(), 1);
    assert_eq!(usage.0[0].to_string(), "1.3.6.1.5.5.7.3.3");
}

#[test]
fn an_identity_comes_back_from_its_files_in_either_form() {
    let key = IDENTITY.key_pem().unwrap();
    for certificate in
        [IDENTITY.certificate_pem().unwrap().into_bytes(), IDENTITY.certificate_der().unwrap()]
    {
        let identity = Identity::from_files(&certificate, &key).unwrap();
        assert_eq!(identity.certificate, IDENTITY.certificate);
        assert_eq!(identity.key, IDENTITY.key);
    }
}

#[test]
fn another_ones_key_is_refused() {
    let other = Identity::throw_away(crate::testing::NOW).unwrap();
    let certificate = IDENTITY.certificate_der().unwrap();
    let refused = Identity::from_files(&certificate, &other.key_pem().unwrap());
    assert!(matches!(refused, Err(Error::Mismatch)));
}

#[test]
fn what_is_no_key_or_no_certificate_is_told() {
    let certificate = IDENTITY.certificate_der().unwrap();
    let refused = Identity::from_files(&certificate, "not a key").unwrap_err();
    assert!(refused.to_string().contains("openssl"), "{refused}");
    let refused = Identity::from_files(b"not a certificate", &IDENTITY.key_pem().unwrap());
    assert!(matches!(refused, Err(Error::Encoding(_))));
}

#[test]
fn the_key_is_not_shown() {
    let shown = format!("{:?}", *IDENTITY);
    assert!(shown.contains("throw-away"), "{shown}");
    assert!(shown.len() < 100, "{shown}");
}
