//! The contents of an INF file.

use std::collections::HashMap;

use super::decode::{Encoding, decode};
use super::parse;

/// An INF file: sections in the order of the file, sections of one name merged into the first.
#[derive(Clone, Debug)]
pub struct Inf {
    pub(super) encoding: Encoding,
    pub(super) sections: Vec<Section>,
    /// Where a section is, by its name in lower case.
    pub(super) index: HashMap<String, usize>,
    pub(super) defects: Vec<Defect>,
}

/// A section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The name as it was written first.
    pub name: String,
    /// The lines of its headers; more than one where the file has several sections of this name.
    pub headers: Vec<usize>,
    /// What it holds.
    pub entries: Vec<Entry>,
}

/// A line of a section, with the lines that continue it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The line, from 1.
    pub line: usize,
    /// What stands before the equals sign.
    pub key: Option<String>,
    /// What the commas separate: quotation marks removed, `%` as written.
    pub values: Vec<String>,
}

/// Something that is not INF syntax. The rest of the file is read nonetheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defect {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub kind: DefectKind,
}

/// What can be wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DefectKind {
    /// `[name` without its bracket.
    #[error("the name of the section has no closing bracket")]
    OpenSection,
    /// `[]`.
    #[error("the section has no name")]
    NoName,
    /// More characters than 255.
    #[error("the name of the section is longer than 255 characters")]
    LongName,
    /// Something between `]` and the end of the line or a comment.
    #[error("something stands after the name of the section")]
    AfterSection,
    /// A line before the first section.
    #[error("the line belongs to no section")]
    NoSection,
    /// A quotation mark without the second one.
    #[error("a quotation mark is not closed on its line")]
    OpenQuote,
    /// More characters than 4095.
    #[error("a field is longer than 4095 characters")]
    LongField,
    /// A backslash at the end of the file.
    #[error("the last line asks for one more")]
    OpenLine,
}

impl Inf {
    /// Reads any bytes; what is no INF syntax is in [`Inf::defects`].
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let (text, encoding) = decode(bytes);
        Self { encoding, ..Self::parse(&text) }
    }

    /// [`Inf::read`] for text.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        parse::parse(text)
    }

    /// How the file was written.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// All sections.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// What is no INF syntax.
    #[must_use]
    pub fn defects(&self) -> &[Defect] {
        &self.defects
    }

    /// A section by its name, whose case does not matter.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.index.get(&name.to_lowercase()).and_then(|&at| self.sections.get(at))
    }

    /// The entries of a section, none where there is no such section.
    #[must_use]
    pub fn entries(&self, section: &str) -> &[Entry] {
        self.section(section).map_or(&[], |section| &section.entries)
    }

    /// The first entry with this key.
    #[must_use]
    pub fn entry(&self, section: &str, key: &str) -> Option<&Entry> {
        self.entries(section).iter().find(|entry| entry.is(key))
    }

    /// All entries with this key.
    pub fn all<'a>(&'a self, section: &str, key: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries(section).iter().filter(move |entry| entry.is(key))
    }

    /// A value with its `%name%` replaced from `[Strings]` and its `%%` made one. What `[Strings]`
    /// does not have stays as it is: `%13%` and its like are folders.
    #[must_use]
    pub fn expand(&self, raw: &str) -> String {
        let mut text = String::with_capacity(raw.len());
        for part in tokens(raw) {
            match part {
                Token::Text(part) => text.push_str(part),
                Token::Percent => text.push('%'),
                Token::Name(name) => match self.string(name) {
                    Some(value) => text.push_str(value),
                    None => text.extend(["%", name, "%"]),
                },
            }
        }
        text
    }

    /// The names between percent signs in a value for which `[Strings]` has no line.
    pub fn undefined<'a>(&self, raw: &'a str) -> impl Iterator<Item = &'a str> {
        tokens(raw).filter_map(|token| match token {
            Token::Name(name) if self.string(name).is_none() => Some(name),
            _ => None,
        })
    }

    fn string(&self, name: &str) -> Option<&str> {
        Some(self.entry("Strings", name)?.value(0))
    }
}

impl Entry {
    /// A value, empty where the line has not so many.
    #[must_use]
    pub fn value(&self, index: usize) -> &str {
        self.values.get(index).map_or("", String::as_str)
    }

    /// Whether this is the key; its case does not matter.
    #[must_use]
    pub fn is(&self, key: &str) -> bool {
        self.key.as_ref().is_some_and(|own| same(own, key))
    }
}

/// Whether two names are one: INF files do not know case.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
        || !(one.is_ascii() && other.is_ascii()) && one.to_lowercase() == other.to_lowercase()
}

/// A part of a value.
enum Token<'a> {
    Text(&'a str),
    Percent,
    Name(&'a str),
}

/// Takes a value apart. A percent sign without a second one is text.
fn tokens(raw: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = raw;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(after) = rest.strip_prefix('%') else {
            let (text, next) = rest.split_at(rest.find('%').unwrap_or(rest.len()));
            rest = next;
            return Some(Token::Text(text));
        };
        let Some((name, next)) = after.split_once('%') else {
            return Some(Token::Text(std::mem::take(&mut rest)));
        };
        rest = next;
        Some(if name.is_empty() { Token::Percent } else { Token::Name(name) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_names_from_strings_only() {
        let inf = Inf::parse("[Strings]\nA = \"one\"\nb = %A%\n");
        for (raw, text) in [
            ("%a%", "one"),
            ("x%A%y%A%", "xoneyone"),
            ("%13%\\a.sys", "%13%\\a.sys"),
            ("%%A%%", "%A%"),
            ("%none%", "%none%"),
            ("50%", "50%"),
            // Once: a string is not looked into.
            ("%B%", "%A%"),
        ] {
            assert_eq!(inf.expand(raw), text, "{raw}");
        }
        assert_eq!(inf.undefined("%a%%x%%%%13%").collect::<Vec<_>>(), ["x", "13"]);
    }

    #[test]
    fn finds_by_name_in_any_case() {
        let inf = Inf::parse("[Version]\nClass = System\n");
        assert_eq!(inf.entry("VERSION", "class").map(|entry| entry.value(0)), Some("System"));
        assert_eq!(inf.entry("Version", "Provider"), None);
        assert!(same("\u{c4}", "\u{e4}") && !same("a", "b"));
    }
}
