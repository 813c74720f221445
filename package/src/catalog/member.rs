//! A file as a member of a catalog.

use der::Sequence;
use der::asn1::{Any, BmpString, OctetString, SetOfVec};
use rsa::sha2::{Digest as _, Sha256};
use sha1::Sha1;
use x509_cert::attr::Attribute;

use crate::indirect::{self, Form, IndirectData, implicit};
use crate::{authenticode, oid};

/// `CRYPTCAT_ATTR_AUTHENTICATED | CRYPTCAT_ATTR_NAMEASCII | CRYPTCAT_ATTR_DATAASCII`
/// (learn.microsoft.com/windows/win32/api/mscat/ns-mscat-cryptcatattribute).
const NAME_VALUE_FLAGS: u32 = 0x1001_0001;

/// A file of the package.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// Its name, without a folder.
    pub name: &'a str,
    /// What is in it.
    pub content: &'a [u8],
}

/// `CAT_NAMEVALUE`.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct NameValue {
    name: BmpString,
    flags: u32,
    value: OctetString,
}

/// `TrustedSubject` of a trust list.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct TrustedSubject {
    /// What it goes by: its digest.
    pub identifier: OctetString,
    /// What is said of it.
    pub attributes: SetOfVec<Attribute>,
}

/// A name with a text, as a catalog holds them: the text in UTF-16, with a NUL at its end.
pub fn name_value(name: &str, value: &str) -> der::Result<Any> {
    let value: Vec<u8> = value.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    Any::encode_from(&NameValue {
        name: BmpString::from_utf8(name)?,
        flags: NAME_VALUE_FLAGS,
        value: OctetString::new(value)?,
    })
}

/// The two entries of a file: by SHA-1, with which nothing but looking up is done, and by SHA-256,
/// with the statement of the digest. Inf2Cat writes both.
pub fn entries(file: &File<'_>, os_attribute: &str) -> der::Result<[TrustedSubject; 2]> {
    let image = authenticode::digest(file.content).ok();
    let sha_1 = authenticode::digest_sha1(file.content)
        .unwrap_or_else(|_| Sha1::digest(file.content).into());
    let sha_256 = image.unwrap_or_else(|| Sha256::digest(file.content).into());
    let statement = match image {
        Some(digest) => indirect::of_image(&digest, Form::Member)?,
        None => indirect::of_flat(&sha_256)?,
    };
    // The choice of SpcLink again: [0] for an image, [2] for a file.
    let kind = implicit(if image.is_some() { 0 } else { 2 }, Vec::new())?;
    let common = [
        attribute(oid::MEMBER_INFO_V2, kind)?,
        attribute(oid::NAME_VALUE, name_value("OSAttr", os_attribute)?)?,
        attribute(oid::NAME_VALUE, name_value("File", &file.name.to_ascii_lowercase())?)?,
    ];
    let by_sha_1 = subject(&sha_1, common.to_vec())?;
    let mut with_statement = common.to_vec();
    with_statement.push(stated(&statement)?);
    Ok([by_sha_1, subject(&sha_256, with_statement)?])
}

fn subject(digest: &[u8], attributes: Vec<Attribute>) -> der::Result<TrustedSubject> {
    Ok(TrustedSubject {
        identifier: OctetString::new(digest)?,
        attributes: SetOfVec::try_from(attributes)?,
    })
}

fn stated(statement: &IndirectData) -> der::Result<Attribute> {
    attribute(oid::INDIRECT_DATA, Any::encode_from(statement)?)
}

fn attribute(oid: der::asn1::ObjectIdentifier, value: Any) -> der::Result<Attribute> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![value])? })
}
