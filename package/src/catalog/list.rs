//! The trust list: what a catalog's signature signs.

use der::asn1::{GeneralizedTime, ObjectIdentifier, OctetString, UtcTime};
use der::{Choice, DateTime, Encode as _, Sequence};
use rsa::sha2::{Digest as _, Sha256};
use x509_cert::ext::Extension;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::member::{File, TrustedSubject, entries, name_value};
use crate::oid;

/// What `OSAttr` of a member says for every Windows 10 and 11: platform 2 (NT), version 10.0.
pub const OS_ATTRIBUTE: &str = "2:10.0";

/// Windows 10 2004 to Windows 11 25H2, x64, as catalogs name them in `OS`: what Inf2Cat is told as
/// `/os:10_VB_X64,10_CO_X64,10_NI_X64,10_GE_X64,10_25H2_X64`.
pub const SYSTEMS: &[&str] =
    &["_v100_X64_Vb", "_v100_X64_21H2", "_v100_X64_22H2", "_v100_X64_24H2", "_v100_X64_25H2"];

/// What a catalog says besides its files.
#[derive(Clone, Debug)]
pub struct Description<'a> {
    /// The versions of Windows that the package is for, as catalogs name them.
    pub systems: &'a [&'a str],
    /// The hardware ids that its INF lists; lower case is written.
    pub hardware_ids: &'a [&'a str],
    /// When it was made: seconds since 1970, UTC.
    pub time: u64,
}

/// `CertificateTrustList`, as far as a catalog has it.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct TrustList {
    usage: Vec<ObjectIdentifier>,
    identifier: OctetString,
    this_update: Time,
    algorithm: AlgorithmIdentifierOwned,
    subjects: Vec<TrustedSubject>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

/// Two digits of the year while they are unambiguous, as X.509 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Time {
    #[asn1(type = "UTCTime")]
    Utc(UtcTime),
    #[asn1(type = "GeneralizedTime")]
    General(GeneralizedTime),
}

/// The DER of the trust list that lists `files`: the content of a catalog, before it is signed.
///
/// The same files and description give the same bytes: the list's identifier, which Inf2Cat takes
/// at random, is taken from the digest of the rest.
pub fn write(files: &[File<'_>], description: &Description<'_>) -> der::Result<Vec<u8>> {
    let mut subjects = Vec::new();
    for file in files {
        subjects.extend(entries(file, OS_ATTRIBUTE)?);
    }
    // As Inf2Cat has them: by what they go by.
    subjects.sort_by(|one, other| one.identifier.as_bytes().cmp(other.identifier.as_bytes()));

    let mut list = TrustList {
        usage: vec![oid::CATALOG_LIST],
        identifier: OctetString::new([])?,
        this_update: time(description.time)?,
        algorithm: AlgorithmIdentifierOwned {
            oid: oid::CATALOG_LIST_MEMBER_V2,
            parameters: Some(der::asn1::Any::null()),
        },
        subjects,
        extensions: extensions(description)?,
    };
    let digest = Sha256::digest(list.to_der()?);
    list.identifier = OctetString::new(digest.get(..16).unwrap_or_default())?;
    list.to_der()
}

fn extensions(description: &Description<'_>) -> der::Result<Vec<Extension>> {
    let mut extensions = vec![extension("OS", &description.systems.join(","))?];
    for (index, id) in description.hardware_ids.iter().enumerate() {
        let name = format!("HWID{}", index + 1);
        extensions.push(extension(&name, &id.to_ascii_lowercase())?);
    }
    Ok(extensions)
}

fn extension(name: &str, value: &str) -> der::Result<Extension> {
    let value = OctetString::new(name_value(name, value)?.to_der()?)?;
    Ok(Extension { extn_id: oid::NAME_VALUE, critical: false, extn_value: value })
}

fn time(seconds: u64) -> der::Result<Time> {
    let time = DateTime::from_unix_duration(std::time::Duration::from_secs(seconds))?;
    Ok(match UtcTime::from_date_time(time) {
        Ok(time) => Time::Utc(time),
        Err(_) => Time::General(GeneralizedTime::from_date_time(time)),
    })
}
