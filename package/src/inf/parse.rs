//! From text to sections and entries
//! (learn.microsoft.com/windows-hardware/drivers/install/general-syntax-rules-for-inf-files).
//!
//! Every text has a meaning: a line that breaks the rules is noted and read as far as it goes.

use std::collections::HashMap;

use super::decode::Encoding;
use super::document::{Defect, DefectKind, Entry, Inf, Section};

/// The longest field, without the zero that ends it.
const FIELD: usize = 4095;
/// The longest name of a section.
const NAME: usize = 255;

/// Reads a text.
pub(super) fn parse(text: &str) -> Inf {
    let mut parser = Parser { inf: empty(text), open: None };
    // Windows ends lines with two characters, others with one of them.
    let joined = text.replace("\r\n", "\n");
    let mut lines = (1..).zip(joined.split(['\n', '\r']));
    while let Some((number, line)) = lines.next() {
        let start = line.trim_start();
        if let Some(rest) = start.strip_prefix('[') {
            parser.header(number, rest);
            continue;
        }
        let mut entry = Scan::default();
        let (mut at, mut more) = (number, entry.take(start));
        while more {
            let Some((next, line)) = lines.next() else {
                parser.defect(at, DefectKind::OpenLine);
                break;
            };
            at = next;
            more = entry.take(line);
        }
        parser.entry(number, entry);
    }
    parser.inf
}

fn empty(text: &str) -> Inf {
    let encoding = if text.is_ascii() { Encoding::Ascii } else { Encoding::Utf8 };
    Inf { encoding, sections: Vec::new(), index: HashMap::new(), defects: Vec::new() }
}

struct Parser {
    inf: Inf,
    /// The section that lines go into.
    open: Option<usize>,
}

impl Parser {
    fn defect(&mut self, line: usize, kind: DefectKind) {
        self.inf.defects.push(Defect { line, kind });
    }

    fn header(&mut self, line: usize, rest: &str) {
        let name = if let Some((name, after)) = rest.split_once(']') {
            let after = after.trim_start();
            if !after.is_empty() && !after.starts_with(';') {
                self.defect(line, DefectKind::AfterSection);
            }
            name.trim()
        } else {
            self.defect(line, DefectKind::OpenSection);
            rest.split(';').next().unwrap_or_default().trim()
        };
        if name.is_empty() {
            self.defect(line, DefectKind::NoName);
        }
        if name.chars().count() > NAME {
            self.defect(line, DefectKind::LongName);
        }
        let next = self.inf.sections.len();
        let at = *self.inf.index.entry(name.to_lowercase()).or_insert(next);
        if at == next {
            let name = name.to_owned();
            self.inf.sections.push(Section { name, headers: Vec::new(), entries: Vec::new() });
        }
        if let Some(section) = self.inf.sections.get_mut(at) {
            section.headers.push(line);
        }
        self.open = Some(at);
    }

    fn entry(&mut self, line: usize, scan: Scan) {
        let Some((key, values, open_quote)) = scan.finish() else {
            return;
        };
        if open_quote {
            self.defect(line, DefectKind::OpenQuote);
        }
        if key.iter().chain(&values).any(|field| field.chars().count() > FIELD) {
            self.defect(line, DefectKind::LongField);
        }
        match self.open.and_then(|at| self.inf.sections.get_mut(at)) {
            Some(section) => section.entries.push(Entry { line, key, values }),
            None => self.defect(line, DefectKind::NoSection),
        }
    }
}

/// An entry while its characters come in.
#[derive(Default)]
struct Scan {
    key: Option<String>,
    values: Vec<String>,
    field: String,
    /// Bytes of the field that white space at its end is not cut from: what was quoted.
    kept: usize,
    /// Whether there is more than white space and a comment.
    any: bool,
    open_quote: bool,
}

impl Scan {
    /// Takes a line; says whether the next one continues it.
    fn take(&mut self, line: &str) -> bool {
        let mut rest = line;
        while let Some(letter) = rest.chars().next() {
            let after = &rest[letter.len_utf8()..];
            rest = match letter {
                ';' => return false,
                '"' => self.quoted(after),
                '%' => self.token(rest),
                '\\' if ends(after) => {
                    // Of two, the first goes unnoticed.
                    if self.field.len() > self.kept && self.field.ends_with('\\') {
                        self.field.pop();
                    }
                    return true;
                }
                ',' => {
                    self.end_field();
                    after
                }
                '=' if self.key.is_none() && self.values.is_empty() => {
                    self.any = true;
                    self.key = Some(self.field());
                    after
                }
                white if white.is_whitespace() && self.field.is_empty() => after,
                other => {
                    self.any |= !other.is_whitespace();
                    self.field.push(other);
                    after
                }
            };
        }
        false
    }

    /// Takes what follows a quotation mark, up to the next one; two in a row stand for one.
    fn quoted<'a>(&mut self, mut rest: &'a str) -> &'a str {
        self.any = true;
        loop {
            let Some((text, after)) = rest.split_once('"') else {
                self.open_quote = true;
                self.field.push_str(rest);
                rest = "";
                break;
            };
            self.field.push_str(text);
            rest = after;
            let Some(after) = rest.strip_prefix('"') else {
                break;
            };
            self.field.push('"');
            rest = after;
        }
        self.kept = self.field.len();
        rest
    }

    /// Takes `%name%` whole: a semicolon in it begins no comment.
    fn token<'a>(&mut self, rest: &'a str) -> &'a str {
        self.any = true;
        let end = rest[1..].find(['%', '"']).map(|end| end + 1);
        let length = end.filter(|&end| rest[end..].starts_with('%')).map_or(1, |end| end + 1);
        let (token, after) = rest.split_at(length);
        self.field.push_str(token);
        after
    }

    fn end_field(&mut self) {
        self.any = true;
        let field = self.field();
        self.values.push(field);
    }

    /// The field so far, and the next one begins.
    fn field(&mut self) -> String {
        let cut = self.field.trim_end().len().max(self.kept);
        self.field.truncate(cut);
        self.kept = 0;
        std::mem::take(&mut self.field)
    }

    /// Key, values, and whether a quotation mark is open; nothing for an empty line.
    fn finish(mut self) -> Option<(Option<String>, Vec<String>, bool)> {
        if !self.any {
            return None;
        }
        self.end_field();
        Some((self.key, self.values, self.open_quote))
    }
}

/// Whether a line ends here, but for a comment.
fn ends(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.is_empty() || rest.starts_with(';')
}

#[cfg(test)]
mod tests;
