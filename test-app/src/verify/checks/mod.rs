//! The checks, by theme.

mod access;
mod concurrency;
mod content;
mod handshake;
mod locks;
mod paging;
mod questions;
mod residency;
mod teardown;
mod witness;
mod wrong_input;

use wildmatch::WildMatch;

use crate::verify::Check;

/// Every check, in the order in which they run.
pub fn all() -> Vec<Check> {
    [
        handshake::CHECKS,
        paging::CHECKS,
        residency::CHECKS,
        witness::CHECKS,
        content::CHECKS,
        locks::CHECKS,
        wrong_input::CHECKS,
        access::CHECKS,
        concurrency::CHECKS,
        teardown::CHECKS,
        questions::CHECKS,
    ]
    .concat()
}

/// The checks whose id one of the globs matches; all without globs.
pub fn matching(globs: &[String]) -> Vec<Check> {
    let globs: Vec<_> = globs.iter().map(|glob| WildMatch::new(glob)).collect();
    let wanted = |check: &Check| globs.is_empty() || globs.iter().any(|g| g.matches(check.id));
    all().into_iter().filter(wanted).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_of_one_form() {
        let mut seen = HashSet::new();
        for check in all() {
            assert!(seen.insert(check.id), "{} twice", check.id);
            assert_eq!(check.id.split('.').count(), 2, "{}", check.id);
            assert!(check.id.len() <= 26, "{} is too long for its column", check.id);
        }
    }

    #[test]
    fn globs_choose() {
        assert_eq!(matching(&["locks.*".to_owned()]).len(), locks::CHECKS.len());
        assert!(matching(&["nothing".to_owned()]).is_empty());
        assert_eq!(matching(&[]).len(), all().len());
    }
}
