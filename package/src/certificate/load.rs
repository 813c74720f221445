//! The user's own certificate and key.

use der::DecodePem as _;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _};
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, RsaPublicKey};
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::ExtendedKeyUsage;

use super::generate::signs_code;
use super::{Error, Identity};

/// The shortest key.
const FEWEST_BITS: usize = 2048;

impl Identity {
    /// The identity of a certificate, PEM or DER, and its private key, PKCS#8 or PKCS#1 in PEM.
    pub fn from_files(certificate: &[u8], key: &str) -> Result<Self, Error> {
        let certificate = if certificate.starts_with(b"-----") {
            Certificate::from_pem(certificate)?
        } else {
            Certificate::from_der(certificate)?
        };
        let key = RsaPrivateKey::from_pkcs8_pem(key)
            .or_else(|error| RsaPrivateKey::from_pkcs1_pem(key).map_err(|_| error))
            .map_err(Error::Key)?;
        let bits = key.n().bits();
        if bits < FEWEST_BITS {
            return Err(Error::Short { bits });
        }
        let public = RsaPublicKey::from(&key).to_public_key_der()?;
        let tbs = &certificate.tbs_certificate;
        if tbs.subject_public_key_info.to_der()? != public.as_bytes() {
            return Err(Error::Mismatch);
        }
        let usage = tbs.get::<ExtendedKeyUsage>()?.map(|(_, usage)| usage);
        if !signs_code(usage.as_ref()) {
            return Err(Error::Usage);
        }
        Ok(Self { certificate, key })
    }
}
