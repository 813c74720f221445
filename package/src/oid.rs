//! The object identifiers of signatures and catalogs, with the names that Microsoft gives them
//! (support.microsoft.com/help/287547; mscat.h and wintrust.h of the Windows SDK, as
//! learn.microsoft.com/windows/win32/seccrypto names their constants).

use der::asn1::ObjectIdentifier;

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// `SPC_INDIRECT_DATA_OBJID`: the digest of a file that is not itself in the message.
pub const INDIRECT_DATA: ObjectIdentifier = oid("1.3.6.1.4.1.311.2.1.4");
/// `SPC_STATEMENT_TYPE_OBJID`: what the signer claims to be.
pub const STATEMENT_TYPE: ObjectIdentifier = oid("1.3.6.1.4.1.311.2.1.11");
/// `SPC_SP_OPUS_INFO_OBJID`: the program's name and address, both optional.
pub const OPUS_INFO: ObjectIdentifier = oid("1.3.6.1.4.1.311.2.1.12");
/// `SPC_PE_IMAGE_DATAOBJ`: the digested file is a PE image.
pub const PE_IMAGE_DATA: ObjectIdentifier = oid("1.3.6.1.4.1.311.2.1.15");
/// `SPC_INDIVIDUAL_SP_KEY_PURPOSE_OBJID`: the signer is no company.
pub const INDIVIDUAL_CODE_SIGNING: ObjectIdentifier = oid("1.3.6.1.4.1.311.2.1.21");
/// `SPC_CAB_DATA_OBJID`: the digested file has no structure that is known here.
pub const CAB_DATA: ObjectIdentifier = oid("1.3.6.1.4.1.311.2.1.25");
/// `szOID_CTL`: a certificate trust list.
pub const CTL: ObjectIdentifier = oid("1.3.6.1.4.1.311.10.1");
/// `szOID_CATALOG_LIST`: the trust list is a catalog.
pub const CATALOG_LIST: ObjectIdentifier = oid("1.3.6.1.4.1.311.12.1.1");
/// `szOID_CATALOG_LIST_MEMBER2`: its members go by their digests as they are.
pub const CATALOG_LIST_MEMBER_V2: ObjectIdentifier = oid("1.3.6.1.4.1.311.12.1.3");
/// `CAT_NAMEVALUE_OBJID`: a name and a text.
pub const NAME_VALUE: ObjectIdentifier = oid("1.3.6.1.4.1.311.12.2.1");
/// `CAT_MEMBERINFO2_OBJID`: what kind of file a member is.
pub const MEMBER_INFO_V2: ObjectIdentifier = oid("1.3.6.1.4.1.311.12.2.3");

/// PKCS#7 SignedData.
pub const SIGNED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.2");
/// The type of what is signed, as an attribute.
pub const CONTENT_TYPE: ObjectIdentifier = oid("1.2.840.113549.1.9.3");
/// The digest of what is signed, as an attribute.
pub const MESSAGE_DIGEST: ObjectIdentifier = oid("1.2.840.113549.1.9.4");
/// SHA-256.
pub const SHA_256: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.1");
/// RSA with PKCS#1 v1.5 padding.
pub const RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
