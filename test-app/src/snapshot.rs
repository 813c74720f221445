//! The driver at one moment: what was asked of the memory manager, and which pages are there.

use pagewise_contract::{Ioctl, Policy, Section, SectionKind, State};
use serde::Serialize;

use crate::driver::Driver;
use crate::error::Error;
use crate::pages::Pages;

/// What the memory manager may do with a section's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It may take them.
    Pageable,
    /// It has to leave them: the section is resident by link.
    Resident,
    /// It has to leave them as long as the section is locked.
    Locked,
    /// It freed them once `DriverEntry` had returned.
    Discarded,
}

/// What was seen at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The driver's version: major, minor, patch.
    pub version: [u16; 3],
    /// Policy.
    pub state: State,
    /// The sections.
    pub sections: Vec<Section>,
    /// Observation, one a page; `None` where the driver could not be asked.
    pub resident: Vec<Option<bool>>,
}

impl Snapshot {
    /// Asks the driver.
    ///
    /// # Errors
    /// [`Error`]
    pub fn take(driver: &mut Driver) -> Result<Self, Error> {
        let state = driver.state()?;
        let sections = driver.sections()?.records().to_vec();
        check_extent(&state, &sections)?;
        let bits = driver.residency(Pages::new(0, state.pages))?;
        let [major, minor, patch, _] = driver.version().driver;
        let resident = bits.into_iter().map(Some).collect();
        Ok(Self { version: [major, minor, patch], state, sections, resident })
    }

    /// What may become of a section.
    pub fn mark(&self, section: &Section) -> Mark {
        match (section.kind(), self.state.policy()) {
            (Some(SectionKind::Discardable), _) => Mark::Discarded,
            _ if section.locks > 0 => Mark::Locked,
            (_, Some(Policy::PagedEntire)) | (Some(SectionKind::Pageable), _) => Mark::Pageable,
            _ => Mark::Resident,
        }
    }

    /// What was seen of a section's pages.
    pub fn seen(&self, section: &Section) -> impl Iterator<Item = Option<bool>> + '_ {
        Pages::of(section).numbers().map(|page| self.resident.get(page).copied().flatten())
    }

    /// How many pages are resident.
    pub fn resident_pages(&self) -> usize {
        self.resident.iter().filter(|seen| **seen == Some(true)).count()
    }

    /// The policy in words.
    pub fn policy(&self) -> &'static str {
        policy_name(self.state.policy())
    }
}

/// An image cannot be larger than 4 GiB, nor its sections than the image: nobody shall draw or ask
/// for what such an answer claims.
fn check_extent(state: &State, sections: &[Section]) -> Result<(), Error> {
    const MOST: u32 = 1 << 20;
    let wrong = |operation, what| Err(Error::Reply { operation, what });
    if !(1..=MOST).contains(&state.pages) {
        return wrong(Ioctl::State.name(), format!("an image of {} pages", state.pages));
    }
    let past = sections
        .iter()
        .find(|section| section.first_page.saturating_add(section.pages) > state.pages);
    match past {
        Some(section) => {
            let (name, pages) = (section.name(), Pages::of(section));
            let what = format!("{name} at {pages} in an image of {} pages", state.pages);
            wrong(Ioctl::Sections.name(), what)
        }
        None => Ok(()),
    }
}

/// The policy in words.
pub fn policy_name(policy: Option<Policy>) -> &'static str {
    match policy {
        Some(Policy::AsLinked) => "as linked",
        Some(Policy::PagedEntire) => "paged entire",
        None => "unknown",
    }
}

/// The kind of a section in a word.
pub fn kind_name(section: &Section) -> &'static str {
    match section.kind() {
        Some(SectionKind::Headers) => "headers",
        Some(SectionKind::Resident) => "resident",
        Some(SectionKind::Pageable) => "pageable",
        Some(SectionKind::Discardable) => "discardable",
        None => "unknown",
    }
}

/// A section's name, fit for a terminal: it comes from the driver and may hold any character.
pub fn printable_name(section: &Section) -> String {
    section.name().chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros;

    use super::*;
    use crate::map::sample;

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let mut section = Section::new_zeroed();
        section.name = *b"\x1b[2Jab\0\0";
        assert_eq!(printable_name(&section), "?[2Jab");
    }

    #[test]
    fn sections_beyond_the_image_are_refused() {
        let mut snapshot = sample::locked();
        check_extent(&snapshot.state, &snapshot.sections).unwrap();
        snapshot.sections[1].pages = u32::MAX;
        assert!(check_extent(&snapshot.state, &snapshot.sections).is_err());
        snapshot.state.pages = u32::MAX;
        assert!(check_extent(&snapshot.state, &[]).is_err());
    }
}
