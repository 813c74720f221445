//! A throw-away certificate.

use std::str::FromStr as _;
use std::time::Duration;

use der::Decode as _;
use der::asn1::{ObjectIdentifier, UtcTime};
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::EncodePublicKey as _;
use rsa::rand_core::{OsRng, RngCore as _};
use rsa::sha2::Sha256;
use rsa::{RsaPrivateKey, RsaPublicKey};
use x509_cert::builder::{Builder as _, CertificateBuilder, Profile};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::{Time, Validity};

use super::{Error, Identity};

/// How long the key is.
pub const BITS: usize = 2048;
/// To whom the certificate is given, and by whom.
pub const SUBJECT: &str = "CN=Pagewise test (throw-away)";
/// `id-kp-codeSigning`.
const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
/// How far clocks may differ.
const SLACK: Duration = Duration::from_secs(24 * 60 * 60);
/// For how long it is good.
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Identity {
    /// A new key of 2048 bits with a certificate by itself, for signing code, good from the day
    /// before `now` (seconds since 1970, UTC) for a year.
    pub fn throw_away(now: u64) -> Result<Self, Error> {
        let key = RsaPrivateKey::new(&mut OsRng, BITS)?;
        let public = RsaPublicKey::from(&key).to_public_key_der()?;
        let public = SubjectPublicKeyInfoOwned::from_der(public.as_bytes())?;
        let start = Duration::from_secs(now).saturating_sub(SLACK);
        let validity = Validity {
            not_before: Time::UtcTime(UtcTime::from_unix_duration(start)?),
            not_after: Time::UtcTime(UtcTime::from_unix_duration(start + YEAR)?),
        };
        let name = Name::from_str(SUBJECT)?;
        let signer = SigningKey::<Sha256>::new(key.clone());
        let profile = Profile::Manual { issuer: None };
        let mut builder =
            CertificateBuilder::new(profile, serial()?, validity, name, public, &signer)?;
        builder.add_extension(&BasicConstraints { ca: false, path_len_constraint: None })?;
        builder.add_extension(&KeyUsage(KeyUsages::DigitalSignature.into()))?;
        builder.add_extension(&ExtendedKeyUsage(vec![CODE_SIGNING]))?;
        let certificate = builder.build::<rsa::pkcs1v15::Signature>()?;
        Ok(Self { certificate, key })
    }
}

/// Sixteen bytes at random, positive.
fn serial() -> Result<SerialNumber, Error> {
    let mut bytes = [0; 16];
    OsRng.fill_bytes(&mut bytes);
    bytes[0] = bytes[0] & 0x3f | 0x40;
    Ok(SerialNumber::new(&bytes)?)
}

/// Whether a certificate may sign code: it says so, or says nothing.
pub fn signs_code(usage: Option<&ExtendedKeyUsage>) -> bool {
    usage.is_none_or(|usage| usage.0.contains(&CODE_SIGNING))
}
