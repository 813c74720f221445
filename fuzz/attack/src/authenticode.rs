//! The reader of PE images for signing: `pagewise_package::authenticode`, and what reads the
//! signature that an image carries.

use pagewise_package::authenticode;
use pagewise_package::{oid, sign};

/// Any bytes are an image or are refused; what is an image has a digest that embedding and
/// stripping a signature leave alone.
///
/// # Panics
/// Where that does not hold.
pub fn run(data: &[u8]) {
    let digest = authenticode::digest(data);
    assert_eq!(digest.is_ok(), authenticode::digest_sha1(data).is_ok());
    let Ok(digest) = digest else { return };
    if let Ok(signature) = authenticode::signature(data)
        && let Ok(signed) = sign::verify(signature, oid::INDIRECT_DATA)
    {
        // Whether it is this image's or another's: it is read or refused.
        let _ = sign::image_digest(&signed);
    }
    if let Ok(signed) = authenticode::embed(data, b"not a signature") {
        assert_eq!(authenticode::digest(&signed).ok(), Some(digest), "signing changed the digest");
        let bare = authenticode::strip(&signed).expect("what was embedded can be stripped");
        assert_eq!(authenticode::digest(&bare).ok(), Some(digest), "stripping changed the digest");
    }
}
