//! Signing: the PKCS#7 SignedData around a catalog's list or around the statement of an image's
//! digest, with the attributes that Authenticode wants.

#[cfg(test)]
mod tests;
mod verify;

pub use verify::{Signed, VerifyError, image_digest, verify};

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use der::asn1::{Any, ObjectIdentifier, OctetString, SetOfVec};
use der::{Decode as _, Encode as _};
use rsa::pkcs1v15::SigningKey;
use rsa::sha2::{Digest as _, Sha256};
use rsa::signature::{SignatureEncoding as _, Signer as _};
use x509_cert::attr::Attribute;
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::certificate::Identity;
use crate::indirect::{self, Form, sha_256};
use crate::{authenticode, oid};

/// Why something could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The image is none, or cannot take a signature.
    #[error(transparent)]
    Image(#[from] authenticode::Error),
    /// A structure could not be encoded or decoded.
    #[error("cannot encode the signature: {0}")]
    Encoding(#[from] der::Error),
    /// The key did not sign.
    #[error("the key does not sign: {0}; it must be RSA with at least 2048 bits")]
    Key(#[from] rsa::signature::Error),
}

/// The image with a signature of its digest in it, and its checksum made right. The image must not
/// be signed; see [`authenticode::strip`].
pub fn image(file: &[u8], identity: &Identity) -> Result<Vec<u8>, Error> {
    let statement = indirect::of_image(&authenticode::digest(file)?, Form::Signature)?;
    let signature = message(oid::INDIRECT_DATA, &statement.to_der()?, identity)?;
    Ok(authenticode::embed(file, &signature)?)
}

/// A signed catalog of a trust list ([`crate::catalog::write`]).
pub fn catalog(list: &[u8], identity: &Identity) -> Result<Vec<u8>, Error> {
    message(oid::CTL, list, identity)
}

/// A catalog without a signature, in the form in which signing tools take it.
pub fn unsigned_catalog(list: &[u8]) -> Result<Vec<u8>, Error> {
    wrapped(SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::new(),
        encap_content_info: content(oid::CTL, list)?,
        certificates: None,
        crls: None,
        signer_infos: SignerInfos(SetOfVec::new()),
    })
}

/// A PKCS#7 message of `der`, one whole value, by one signer.
fn message(kind: ObjectIdentifier, der: &[u8], identity: &Identity) -> Result<Vec<u8>, Error> {
    let content = content(kind, der)?;
    // PKCS#7 digests what is in the value: without its tag and length.
    let inner = Any::from_der(der)?;
    let attributes = attributes(kind, &Sha256::digest(inner.value()))?;
    let key = SigningKey::<Sha256>::new(identity.key.clone());
    let signature = key.try_sign(&attributes.to_der()?)?;

    let tbs = &identity.certificate.tbs_certificate;
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: tbs.issuer.clone(),
            serial_number: tbs.serial_number.clone(),
        }),
        digest_alg: sha_256(),
        signed_attrs: Some(attributes),
        signature_algorithm: AlgorithmIdentifierOwned {
            oid: oid::RSA,
            parameters: Some(Any::null()),
        },
        signature: OctetString::new(signature.to_bytes())?,
        unsigned_attrs: None,
    };
    let certificate = CertificateChoices::Certificate(identity.certificate.clone());
    wrapped(SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![sha_256()])?,
        encap_content_info: content,
        certificates: Some(CertificateSet(SetOfVec::try_from(vec![certificate])?)),
        crls: None,
        signer_infos: SignerInfos(SetOfVec::try_from(vec![signer])?),
    })
}

fn content(kind: ObjectIdentifier, der: &[u8]) -> der::Result<EncapsulatedContentInfo> {
    Ok(EncapsulatedContentInfo { econtent_type: kind, econtent: Some(Any::from_der(der)?) })
}

fn wrapped(data: SignedData) -> Result<Vec<u8>, Error> {
    let message = ContentInfo { content_type: oid::SIGNED_DATA, content: Any::encode_from(&data)? };
    Ok(message.to_der()?)
}

/// What is signed: the digest of the content with its type, and what Authenticode wants to be said
/// of the signer and the program ("Windows Authenticode Portable Executable Signature Format").
fn attributes(kind: ObjectIdentifier, digest: &[u8]) -> der::Result<SetOfVec<Attribute>> {
    let statement = Any::encode_from(&vec![oid::INDIVIDUAL_CODE_SIGNING])?;
    let nothing = Any::new(der::Tag::Sequence, Vec::new())?;
    let values = [
        (oid::CONTENT_TYPE, Any::encode_from(&kind)?),
        (oid::MESSAGE_DIGEST, Any::encode_from(&OctetString::new(digest)?)?),
        (oid::OPUS_INFO, nothing),
        (oid::STATEMENT_TYPE, statement),
    ];
    let mut attributes = SetOfVec::new();
    for (oid, value) in values {
        attributes.insert(Attribute { oid, values: SetOfVec::try_from(vec![value])? })?;
    }
    Ok(attributes)
}
