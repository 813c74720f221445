//! `SpcIndirectDataContent`: says of a file what kind it is and which digest it has. The signature
//! of an image signs one; each member of a catalog holds one.
//!
//! The structures are those of "Windows Authenticode Portable Executable Signature Format".

use der::asn1::{Any, BitString, ObjectIdentifier, OctetString};
use der::{Encode as _, Sequence, Tag, TagNumber};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::oid;

/// `SpcIndirectDataContent`.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct IndirectData {
    /// What kind of file it is.
    pub data: TypedValue,
    /// The file's digest.
    pub digest: DigestInfo,
}

/// `SpcAttributeTypeAndOptionalValue`.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct TypedValue {
    /// The kind.
    pub kind: ObjectIdentifier,
    /// More about it.
    #[asn1(optional = "true")]
    pub value: Option<Any>,
}

/// `DigestInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct DigestInfo {
    /// How it was made.
    pub algorithm: AlgorithmIdentifierOwned,
    /// The digest.
    pub digest: OctetString,
}

/// `SpcPeImageData`.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct PeImageData {
    flags: BitString,
    file: Any,
}

/// What the format document has signatures say in place of a file's name.
const OBSOLETE: &str = "<<<Obsolete>>>";

/// Which of the two forms of the same statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In the signature of an image.
    Signature,
    /// In a member of a catalog.
    Member,
}

/// The statement that a PE image has this SHA-256 Authenticode digest.
///
/// A member's flags are `1010 0` where a signature's are empty, and its file name is empty: so say
/// Inf2Cat's catalogs (docs/package.md).
pub fn of_image(digest: &[u8; 32], form: Form) -> der::Result<IndirectData> {
    let (flags, name) = match form {
        Form::Signature => (BitString::from_bytes(&[])?, utf16_be(OBSOLETE)),
        Form::Member => (BitString::new(5, [0xa0])?, Vec::new()),
    };
    // SpcLink: [2] is the choice of a file, and its SpcString's [0] that of UTF-16.
    let file = tagged(0, &tagged(2, &implicit(0, name)?)?)?;
    let value = Any::encode_from(&PeImageData { flags, file })?;
    indirect(oid::PE_IMAGE_DATA, value, digest)
}

/// The statement that a file of any other kind has this SHA-256 digest, of all its bytes.
pub fn of_flat(digest: &[u8; 32]) -> der::Result<IndirectData> {
    indirect(oid::CAB_DATA, tagged(2, &implicit(0, Vec::new())?)?, digest)
}

fn indirect(kind: ObjectIdentifier, value: Any, digest: &[u8; 32]) -> der::Result<IndirectData> {
    Ok(IndirectData {
        data: TypedValue { kind, value: Some(value) },
        digest: DigestInfo { algorithm: sha_256(), digest: OctetString::new(digest.as_slice())? },
    })
}

/// SHA-256 as an algorithm, with the NULL that Microsoft's tools write.
pub fn sha_256() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: oid::SHA_256, parameters: Some(Any::null()) }
}

/// `value` under a context-specific tag of its own.
fn tagged(number: u8, value: &Any) -> der::Result<Any> {
    Any::new(context(number, true), value.to_der()?)
}

/// The bytes of a primitive value whose own tag this one replaces.
pub fn implicit(number: u8, bytes: Vec<u8>) -> der::Result<Any> {
    Any::new(context(number, false), bytes)
}

fn context(number: u8, constructed: bool) -> Tag {
    Tag::ContextSpecific { constructed, number: TagNumber::new(number) }
}

/// Text as a BMPString holds it.
pub fn utf16_be(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}
