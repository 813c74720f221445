//! The map for programs.

use serde::Serialize;

use crate::snapshot::{Mark, Snapshot, kind_name};

/// `map --json`.
#[derive(Serialize)]
pub struct MapJson<'a> {
    schema: u32,
    policy: &'static str,
    pages: u32,
    resident: usize,
    locks: u32,
    sections: Vec<SectionJson<'a>>,
}

#[derive(Serialize)]
struct SectionJson<'a> {
    index: usize,
    name: &'a str,
    kind: &'static str,
    first_page: u32,
    pages: u32,
    locks: u32,
    policy: Mark,
    /// One a page; null where unknown.
    resident: Vec<Option<bool>>,
}

impl<'a> MapJson<'a> {
    /// Of a snapshot.
    #[must_use]
    pub fn of(snapshot: &'a Snapshot) -> Self {
        let sections = snapshot.sections.iter().enumerate().map(|(index, section)| SectionJson {
            index,
            name: section.name(),
            kind: kind_name(section),
            first_page: section.first_page,
            pages: section.pages,
            locks: section.locks,
            policy: snapshot.mark(section),
            resident: snapshot.seen(section).collect(),
        });
        Self {
            schema: 1,
            policy: snapshot.policy(),
            pages: snapshot.state.pages,
            resident: snapshot.resident_pages(),
            locks: snapshot.state.locks,
            sections: sections.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::sample;

    #[test]
    fn policy_and_observation_are_told_apart() {
        let snapshot = sample::locked();
        let json = serde_json::to_value(MapJson::of(&snapshot)).unwrap();
        let data = &json["sections"][10];
        assert_eq!(data["name"], "PAGEDATA");
        assert_eq!(data["policy"], "locked");
        assert_eq!(data["resident"].as_array().unwrap().len(), 4);
        assert_eq!(json["policy"], "as linked");
        let pages: u64 = json["sections"]
            .as_array()
            .unwrap()
            .iter()
            .map(|section| section["pages"].as_u64().unwrap())
            .sum();
        assert_eq!(json["pages"], pages);
    }
}
