//! Holding files against a catalog.

use rsa::sha2::{Digest as _, Sha256};

use super::member::File;
use super::read::{Catalog, Kind, Member};
use crate::authenticode;

/// Where files and catalog disagree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// The file was changed after the catalog was made.
    #[error("{name} is not the file that the catalog lists: its SHA-256 is {found}")]
    Changed {
        /// The file.
        name: String,
        /// Its digest, in hexadecimal.
        found: String,
    },
    /// The catalog lists a file that is not there.
    #[error("{name} is in the catalog and not in the package")]
    Missing {
        /// The file.
        name: String,
    },
    /// A file is there that the catalog does not list.
    #[error("{name} is in the package and not in the catalog")]
    Foreign {
        /// The file.
        name: String,
    },
    /// A member has no statement of its digest, or one that its tag contradicts.
    #[error("the catalog's member {name} contradicts itself")]
    Contradiction {
        /// The file it is for.
        name: String,
    },
}

/// Every disagreement between `files` and a catalog's SHA-256 members: none, if all is well.
///
/// A name matches whatever its case, as file names on Windows do.
pub fn verify(catalog: &Catalog<'_>, files: &[File<'_>]) -> Vec<Finding> {
    let members: Vec<&Member<'_>> =
        catalog.members.iter().filter(|member| member.tag.len() == 32).collect();
    let mut findings = Vec::new();
    for file in files {
        let mut entries = members.iter().filter(|member| is_for(member, file.name)).peekable();
        if entries.peek().is_none() {
            findings.push(Finding::Foreign { name: file.name.to_owned() });
        } else if let Some(digest) =
            entries.map(|member| digest(member, file)).find(|d| *d != Ok(()))
        {
            findings.extend(digest.err());
        }
    }
    for member in &members {
        let name = member.file().unwrap_or("(without a name)");
        if member.digest != Some(member.tag) {
            findings.push(Finding::Contradiction { name: name.to_owned() });
        }
        if !files.iter().any(|file| is_for(member, file.name)) {
            findings.push(Finding::Missing { name: name.to_owned() });
        }
    }
    findings
}

fn is_for(member: &Member<'_>, name: &str) -> bool {
    member.file().is_some_and(|file| file.eq_ignore_ascii_case(name))
}

fn digest(member: &Member<'_>, file: &File<'_>) -> Result<(), Finding> {
    let found: [u8; 32] = match member.kind {
        Some(Kind::Image) => authenticode::digest(file.content)
            .unwrap_or_else(|_| Sha256::digest(file.content).into()),
        _ => Sha256::digest(file.content).into(),
    };
    if found == member.tag {
        return Ok(());
    }
    Err(Finding::Changed { name: file.name.to_owned(), found: crate::hex(&found) })
}
