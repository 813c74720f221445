//! Checking a signature.

use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use der::asn1::{Any, ObjectIdentifier, OctetString};
use der::{Decode as _, Encode as _};
use rsa::RsaPublicKey;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::pkcs8::DecodePublicKey as _;
use rsa::sha2::{Digest as _, Sha256};
use rsa::signature::Verifier as _;
use x509_cert::Certificate;

use crate::indirect::IndirectData;
use crate::oid;

/// A message whose signature is good.
#[derive(Clone, Debug)]
pub struct Signed {
    /// What was signed: one DER value.
    pub content: Vec<u8>,
    /// By whom. Whether this one is to be trusted is for the caller to say.
    pub certificate: Certificate,
}

/// Why a message proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It is no PKCS#7 SignedData, or a broken one.
    #[error("not a signed message: {0}")]
    Encoding(#[from] der::Error),
    /// It holds something else than it should.
    #[error("the message holds {found}, not {expected}")]
    Content {
        /// The type that there is.
        found: ObjectIdentifier,
        /// The type that there should be.
        expected: ObjectIdentifier,
    },
    /// Something that it must have is not there.
    #[error("the message has no {0}")]
    Lacks(&'static str),
    /// Another algorithm than SHA-256 with RSA.
    #[error("the signature is by {0}, which is not taken here: SHA-256 with RSA is")]
    Algorithm(ObjectIdentifier),
    /// The content is not what was signed.
    #[error("what is signed was changed: its digest is not the one in the signature")]
    Changed,
    /// The signature is not by the certificate's key, or was changed.
    #[error("the signature is not by the key of the certificate that comes with it")]
    Signature,
}

/// Checks the signature of a DER-encoded PKCS#7 message of the type `expected`.
pub fn verify(message: &[u8], expected: ObjectIdentifier) -> Result<Signed, VerifyError> {
    let message = ContentInfo::from_der(message)?;
    if message.content_type != oid::SIGNED_DATA {
        return Err(VerifyError::Content {
            found: message.content_type,
            expected: oid::SIGNED_DATA,
        });
    }
    let data: SignedData = message.content.decode_as()?;
    let found = data.encap_content_info.econtent_type;
    if found != expected {
        return Err(VerifyError::Content { found, expected });
    }
    let content = data.encap_content_info.econtent.as_ref().ok_or(VerifyError::Lacks("content"))?;
    let signer = data.signer_infos.0.get(0).ok_or(VerifyError::Lacks("signature"))?;
    let certificate = certificate(&data, signer).ok_or(VerifyError::Lacks("certificate"))?;
    for algorithm in [&signer.digest_alg.oid, &signer.signature_algorithm.oid] {
        if *algorithm != oid::SHA_256 && *algorithm != oid::RSA {
            return Err(VerifyError::Algorithm(*algorithm));
        }
    }
    if digest(signer)? != Sha256::digest(content.value()).as_slice() {
        return Err(VerifyError::Changed);
    }
    by_key(signer, certificate)?;
    Ok(Signed { content: content.to_der()?, certificate: certificate.clone() })
}

/// The signer's certificate among those that come with the message.
fn certificate<'a>(data: &'a SignedData, signer: &SignerInfo) -> Option<&'a Certificate> {
    let SignerIdentifier::IssuerAndSerialNumber(id) = &signer.sid else { return None };
    data.certificates.as_ref()?.0.iter().find_map(|choice| match choice {
        CertificateChoices::Certificate(certificate)
            if certificate.tbs_certificate.issuer == id.issuer
                && certificate.tbs_certificate.serial_number == id.serial_number =>
        {
            Some(certificate)
        }
        _ => None,
    })
}

/// The content's digest, as the signed attributes say it.
fn digest(signer: &SignerInfo) -> Result<Vec<u8>, VerifyError> {
    let attributes = signer.signed_attrs.as_ref().ok_or(VerifyError::Lacks("signed attributes"))?;
    let digest = attributes.iter().find(|attribute| attribute.oid == oid::MESSAGE_DIGEST);
    let value: Option<&Any> = digest.and_then(|attribute| attribute.values.get(0));
    let value = value.ok_or(VerifyError::Lacks("message digest"))?;
    Ok(value.decode_as::<OctetString>()?.into_bytes())
}

fn by_key(signer: &SignerInfo, certificate: &Certificate) -> Result<(), VerifyError> {
    let key = certificate.tbs_certificate.subject_public_key_info.to_der()?;
    let key = RsaPublicKey::from_public_key_der(&key)
        .map_err(|_| VerifyError::Algorithm(certificate.signature_algorithm.oid))?;
    let signature =
        Signature::try_from(signer.signature.as_bytes()).map_err(|_| VerifyError::Signature)?;
    // What is signed is the attributes as a SET OF, though they lie under another tag.
    let attributes = signer.signed_attrs.to_der()?;
    VerifyingKey::<Sha256>::new(key)
        .verify(&attributes, &signature)
        .map_err(|_| VerifyError::Signature)
}

impl Signed {
    /// The certificate, DER.
    pub fn certificate_der(&self) -> der::Result<Vec<u8>> {
        self.certificate.to_der()
    }
}

/// The SHA-256 digest of the image that a signature in an image is of.
pub fn image_digest(signed: &Signed) -> Result<[u8; 32], VerifyError> {
    let statement = IndirectData::from_der(&signed.content)?;
    if statement.data.kind != oid::PE_IMAGE_DATA {
        let expected = oid::PE_IMAGE_DATA;
        return Err(VerifyError::Content { found: statement.data.kind, expected });
    }
    if statement.digest.algorithm.oid != oid::SHA_256 {
        return Err(VerifyError::Algorithm(statement.digest.algorithm.oid));
    }
    let digest = statement.digest.digest.as_bytes();
    digest.try_into().map_err(|_| VerifyError::Lacks("SHA-256 digest"))
}
