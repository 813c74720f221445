//! Catalogs (`.cat`): the list of a driver package's files by their digests, which is what Windows
//! trusts when it installs one.
//!
//! A catalog is a PKCS#7 SignedData whose content is a certificate trust list
//! (learn.microsoft.com/windows-hardware/drivers/install/catalog-files). Microsoft documents the
//! constants and the functions, not the encoding; that follows what Inf2Cat was seen to write
//! (docs/package.md lists each attribute with its evidence).

mod contents;
mod list;
mod member;
mod read;
#[cfg(test)]
mod tests;
mod verify;

pub use contents::{Contents, ContentsError};
pub use list::{Description, OS_ATTRIBUTE, SYSTEMS, write};
pub use member::File;
pub use read::{Catalog, Kind, Member, ReadError, read, read_list};
pub use verify::{Finding, verify};
