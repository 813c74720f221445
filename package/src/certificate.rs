//! Who signs: a certificate with its key, made on the spot or the user's own.

mod generate;
mod load;
#[cfg(test)]
mod tests;

pub use generate::{BITS, SUBJECT};

use der::EncodePem as _;
use der::{Encode as _, pem::LineEnding};
use rsa::RsaPrivateKey;
use rsa::pkcs8::EncodePrivateKey as _;
use x509_cert::Certificate;

/// A certificate with the private key that belongs to it.
#[derive(Clone)]
pub struct Identity {
    pub(crate) certificate: Certificate,
    pub(crate) key: RsaPrivateKey,
}

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A structure could not be encoded or decoded.
    #[error("the certificate cannot be read or made: {0}")]
    Encoding(#[from] der::Error),
    /// A public key could not be encoded or decoded.
    #[error("the public key cannot be read or made: {0}")]
    PublicKey(#[from] x509_cert::spki::Error),
    /// The builder refused.
    #[error("the certificate cannot be made: {0}")]
    Build(#[from] x509_cert::builder::Error),
    /// The key could not be made.
    #[error("the key cannot be made: {0}")]
    Generate(#[from] rsa::Error),
    /// The key is in no form that is known here.
    #[error(
        "the key is neither PKCS#8 nor PKCS#1 in PEM, without a password: {0}\n  \
         try: openssl pkey -in KEY -out plain.pem, or for a .pfx: openssl pkcs12 -in FILE.pfx -nodes"
    )]
    Key(rsa::pkcs8::Error),
    /// The key signs for another certificate.
    #[error("the key is not the certificate's")]
    Mismatch,
    /// The key is too short for anyone to trust.
    #[error("the key has {bits} bits; code is signed with 2048 or more")]
    Short {
        /// How many it has.
        bits: usize,
    },
    /// The certificate must not sign code.
    #[error("the certificate is not for signing code: its extended key usage says otherwise")]
    Usage,
}

impl Identity {
    /// The certificate, DER: what a `.cer` file holds.
    pub fn certificate_der(&self) -> Result<Vec<u8>, Error> {
        Ok(self.certificate.to_der()?)
    }

    /// The certificate, PEM.
    pub fn certificate_pem(&self) -> Result<String, Error> {
        Ok(self.certificate.to_pem(LineEnding::LF)?)
    }

    /// The private key, PKCS#8 in PEM. Whoever has it can sign as this identity.
    pub fn key_pem(&self) -> Result<String, Error> {
        let pem = self.key.to_pkcs8_pem(LineEnding::LF).map_err(Error::Key)?;
        Ok(pem.to_string())
    }

    /// Whether the certificate is by itself, and so its own root.
    pub fn is_self_signed(&self) -> bool {
        let tbs = &self.certificate.tbs_certificate;
        tbs.issuer == tbs.subject
    }

    /// To whom it is given: `CN=...`.
    pub fn subject(&self) -> String {
        self.certificate.tbs_certificate.subject.to_string()
    }
}

/// Never shows the key.
impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Identity").field("subject", &self.subject()).finish_non_exhaustive()
    }
}
