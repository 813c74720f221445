//! Authenticode for PE images: the digest that a signature or a catalog holds of one, and the place
//! in the file where a signature lies.
//!
//! Follows Microsoft's "Windows Authenticode Portable Executable Signature Format" and the
//! "Attribute Certificate Table" of learn.microsoft.com/windows/win32/debug/pe-format.

mod checksum;
mod embed;
mod layout;
#[cfg(test)]
mod tests;

pub use checksum::checksum;
pub use embed::{embed, strip};

use rsa::sha2::digest::Output;
use rsa::sha2::{Digest, Sha256};
use sha1::Sha1;

use layout::Layout;

/// A file that is no PE image, or one whose digest would mean different things to different readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It ends before something that it must hold.
    #[error("not a PE image: it ends at {length} bytes, before {what}")]
    Short {
        /// What was looked for.
        what: &'static str,
        /// The length of the file, in bytes.
        length: usize,
    },
    /// A number that marks a format is another.
    #[error("not a PE image: {what} is {found:#x}")]
    Magic {
        /// Which.
        what: &'static str,
        /// What is there.
        found: u32,
    },
    /// A section's data lies outside the file, in the headers, or in another section's.
    #[error(
        "section {index} of the image has its data at {start:#x}..{end:#x}, where it cannot be"
    )]
    Section {
        /// Its index in the section table.
        index: usize,
        /// Where its data begins in the file.
        start: u64,
        /// Where it ends.
        end: u64,
    },
    /// The certificate table is not at the end of the file, or not in whole entries.
    #[error("the certificate table at {offset:#x}, {size:#x} bytes, is not the end of the file")]
    Table {
        /// Its file offset.
        offset: u32,
        /// Its size, in bytes.
        size: u32,
    },
    /// Nothing to take out: the image is not signed.
    #[error("the image carries no signature")]
    Unsigned,
    /// There is a signature already.
    #[error("the image carries a signature already; strip it first")]
    Signed,
    /// The file or the signature is larger than the format can say.
    #[error("{length} bytes are more than a PE image can hold")]
    Large {
        /// The size, in bytes.
        length: usize,
    },
}

/// A result of this module.
pub type Result<T> = std::result::Result<T, Error>;

/// The Authenticode digest of an image, SHA-256, 32 bytes.
///
/// Left out are the checksum, the directory entry of the certificate table and that table. A file
/// whose length is no multiple of eight counts with the zeros that signing would add.
pub fn digest(file: &[u8]) -> Result<[u8; 32]> {
    digest_by::<Sha256>(file).map(Into::into)
}

/// The same by SHA-1, 20 bytes: good for looking an image up, and for no trust.
pub fn digest_sha1(file: &[u8]) -> Result<[u8; 20]> {
    digest_by::<Sha1>(file).map(Into::into)
}

fn digest_by<D: Digest>(file: &[u8]) -> Result<Output<D>> {
    let layout = Layout::of(file)?;
    let mut hash = D::new();
    for part in layout.digested(file) {
        hash.update(part);
    }
    hash.update(layout.padding());
    Ok(hash.finalize())
}

/// Whether this is a PE image that has a digest.
pub fn is_image(file: &[u8]) -> bool {
    Layout::of(file).is_ok()
}

/// The PKCS#7 signature that an image carries, without the zeros that align it.
pub fn signature(file: &[u8]) -> Result<&[u8]> {
    let layout = Layout::of(file)?;
    embed::signature(file, &layout)
}
