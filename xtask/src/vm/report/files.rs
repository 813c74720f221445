//! Files that the guest told of, and files that came.

use std::collections::BTreeMap;

use pagewise_vm_plan::event::Event;
use pagewise_vm_plan::journal;
use serde::Serialize;

use super::super::hand_over::Pulled;

/// A file of the guest's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Its name in `out`.
    pub name: String,
    /// Its size, as it came; or as it was told of, if it did not come.
    pub bytes: u64,
    /// Whether it is what the guest told of.
    pub state: Integrity,
}

/// Whether a file is what the guest told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Integrity {
    /// Its hash is the one that the guest told.
    Whole,
    /// It is not.
    Damaged,
    /// It was told of and is not there.
    Missing,
    /// It is there and was not told of.
    Untold,
}

impl Integrity {
    /// In words.
    pub const fn told(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Damaged => "not what the guest told of",
            Self::Missing => "told of by the guest, and not there",
            Self::Untold => "there, and not told of by the guest",
        }
    }
}

/// Holds what came against what was told; by name.
pub fn compare(events: &[Event], pulled: &[Pulled]) -> Vec<Found> {
    // Told of twice, the last word counts.
    let told: BTreeMap<&str, (u64, &str)> = events
        .iter()
        .filter_map(|event| match event {
            Event::File { name, bytes, sha256, .. } => {
                Some((name.as_str(), (*bytes, sha256.as_str())))
            }
            _ => None,
        })
        .collect();
    let mut found: Vec<Found> = pulled
        .iter()
        .map(|file| {
            let state = match told.get(file.name.as_str()) {
                None => Integrity::Untold,
                Some((bytes, sha256)) if *bytes == file.bytes && *sha256 == file.sha256 => {
                    Integrity::Whole
                }
                Some(_) => Integrity::Damaged,
            };
            Found { name: file.name.clone(), bytes: file.bytes, state }
        })
        .collect();
    let missing = told.iter().filter(|(name, _)| pulled.iter().all(|file| file.name != **name));
    found.extend(missing.map(|(name, (bytes, _))| Found {
        name: (*name).to_owned(),
        bytes: *bytes,
        state: Integrity::Missing,
    }));
    // The journal grows to the end: nobody could tell its hash.
    found.retain(|file| file.name != journal::FILE || file.state != Integrity::Untold);
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_whole_damaged_missing_or_untold() {
        let told = |name: &str, sha256: &str| Event::File {
            name: name.to_owned(),
            bytes: 3,
            sha256: sha256.to_owned(),
            step: "collect".to_owned(),
        };
        let came = |name: &str| Pulled { name: name.to_owned(), bytes: 3, sha256: "aa".to_owned() };
        let events = [told("a", "aa"), told("b", "bb"), told("c", "aa"), told("a", "aa")];
        let pulled = [came("a"), came("b"), came("d"), came(journal::FILE)];
        let found = compare(&events, &pulled);
        let states: Vec<_> = found.iter().map(|file| (file.name.as_str(), file.state)).collect();
        assert_eq!(
            states,
            [
                ("a", Integrity::Whole),
                ("b", Integrity::Damaged),
                ("c", Integrity::Missing),
                ("d", Integrity::Untold)
            ]
        );
    }
}
