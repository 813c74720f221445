//! Ranges of pages, and the words for pages and sections on the command line.

use std::fmt;
use std::str::FromStr;

use pagewise_contract::{Section, Sections};

use crate::error::Error;

/// A range of pages of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pages {
    /// First page, counted from the image base.
    pub first: u32,
    /// How many.
    pub count: u32,
}

impl Pages {
    /// So many pages from `first`.
    #[must_use]
    pub const fn new(first: u32, count: u32) -> Self {
        Self { first, count }
    }

    /// The pages of a section.
    #[must_use]
    pub const fn of(section: &Section) -> Self {
        Self { first: section.first_page, count: section.pages }
    }

    /// The page numbers, as far as a `u32` counts them.
    #[must_use]
    pub fn numbers(self) -> std::ops::Range<usize> {
        self.first as usize..self.first.saturating_add(self.count) as usize
    }
}

impl fmt::Display for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => write!(f, "page {}", self.first),
            count => write!(f, "pages {}+{count}", self.first),
        }
    }
}

/// A range as it is written: `7`, `7-9`, `7+3`, or the name of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Range {
    /// By number.
    Pages(Pages),
    /// All pages of the section with this name.
    Section(String),
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.starts_with(|first: char| first.is_ascii_digit()) {
            return match text {
                "" => Err("a range is a page, FIRST-LAST, FIRST+COUNT or a section".to_owned()),
                name => Ok(Self::Section(name.to_owned())),
            };
        }
        let number = |digits: &str| {
            digits.parse::<u32>().map_err(|error| format!("{digits:?} is no page number: {error}"))
        };
        if let Some((first, last)) = text.split_once('-') {
            let (first, last) = (number(first)?, number(last)?);
            let count = last.checked_sub(first).and_then(|pages| pages.checked_add(1));
            let count = count.ok_or_else(|| format!("{last} does not follow {first}"))?;
            return Ok(Self::Pages(Pages { first, count }));
        }
        if let Some((first, count)) = text.split_once('+') {
            return Ok(Self::Pages(Pages { first: number(first)?, count: number(count)? }));
        }
        Ok(Self::Pages(Pages { first: number(text)?, count: 1 }))
    }
}

impl Range {
    /// The pages meant.
    ///
    /// # Errors
    /// [`Error::Usage`] for a section that the image does not have.
    pub fn resolve(&self, sections: &Sections) -> Result<Pages, Error> {
        match self {
            Self::Pages(pages) => Ok(*pages),
            Self::Section(name) => Ok(Pages::of(&sections.records()[index_of(name, sections)?])),
        }
    }
}

/// The index of the section that is meant by a name or an index.
///
/// # Errors
/// [`Error::Usage`] for a section that the image does not have.
pub fn find_section(text: &str, sections: &Sections) -> Result<u32, Error> {
    let index = match text.parse::<usize>() {
        Ok(index) if index < sections.records().len() => index,
        Ok(index) => {
            let last = sections.records().len().saturating_sub(1);
            return Err(Error::Usage(format!("no section {index}; they count from 0 to {last}")));
        }
        Err(_) => index_of(text, sections)?,
    };
    u32::try_from(index).map_err(|_| Error::Usage(format!("no section {index}")))
}

fn index_of(name: &str, sections: &Sections) -> Result<usize, Error> {
    sections.records().iter().position(|section| section.name() == name).ok_or_else(|| {
        let names: Vec<_> = sections.records().iter().map(Section::name).collect();
        Error::Usage(format!("no section {name:?}; there are {}", names.join(" ")))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_range_is_a_page_two_ends_a_count_or_a_name() {
        let pages = |first, count| Ok(Range::Pages(Pages { first, count }));
        assert_eq!("7".parse(), pages(7, 1));
        assert_eq!("7-9".parse(), pages(7, 3));
        assert_eq!("7+3".parse(), pages(7, 3));
        assert_eq!(".text".parse(), Ok(Range::Section(".text".to_owned())));
        assert!("9-7".parse::<Range>().is_err());
        assert!("7-".parse::<Range>().is_err());
        assert!("0-4294967295".parse::<Range>().is_err());
        assert!("".parse::<Range>().is_err());
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd_for_a_range(text in ".*") {
            let _ = text.parse::<Range>();
        }

        #[test]
        fn first_and_last_mean_the_same_as_first_and_count(first in 0u32..9999, count in 1u32..9999) {
            let by_last: Range = format!("{first}-{}", first + count - 1).parse().unwrap();
            let by_count: Range = format!("{first}+{count}").parse().unwrap();
            prop_assert_eq!(by_last, by_count);
        }
    }
}
