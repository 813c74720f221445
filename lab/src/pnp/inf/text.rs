//! Sections, lines, quotations and `%tokens%`.

use std::collections::HashMap;

use super::InfError;

/// A parsed INF. Names of sections and keys are compared without regard to case.
#[derive(Debug, Default)]
pub struct Inf {
    sections: Vec<(String, Vec<Line>)>,
}

/// One line of a section: `key = value, value`, or values alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// What stands before the `=`.
    pub key: Option<String>,
    /// The comma-separated rest, unquoted.
    pub values: Vec<String>,
}

impl Line {
    /// Value `index`, or nothing where the line is shorter.
    #[must_use]
    pub fn value(&self, index: usize) -> &str {
        self.values.get(index).map_or("", String::as_str)
    }
}

/// A line before its tokens are replaced.
struct Raw {
    number: usize,
    text: String,
}

impl Inf {
    /// Parses the text of an INF.
    ///
    /// # Errors
    /// [`InfError::Quotation`], [`InfError::Token`]
    pub fn parse(text: &str) -> Result<Self, InfError> {
        let sections = split(text)?;
        let strings = strings(&sections)?;
        let mut inf = Self::default();
        for (name, lines) in sections {
            let mut parsed = Vec::with_capacity(lines.len());
            for line in &lines {
                parsed.push(line.parse(&strings)?);
            }
            match inf.sections.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                // Sections of one name are one section.
                Some((_, known)) => known.append(&mut parsed),
                None => inf.sections.push((name, parsed)),
            }
        }
        Ok(inf)
    }

    /// The lines of the section `name`.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&[Line]> {
        let found = self.sections.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, lines)| lines.as_slice())
    }

    /// The names of all sections, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(|(name, _)| name.as_str())
    }

    /// The lines of `section` with the key `key`.
    pub fn lines<'a>(&'a self, section: &str, key: &'a str) -> impl Iterator<Item = &'a Line> {
        let lines = self.section(section).unwrap_or_default().iter();
        lines.filter(move |line| line.key.as_deref().is_some_and(|k| k.eq_ignore_ascii_case(key)))
    }
}

/// Cuts the text into sections of lines without comments, continuations joined.
fn split(text: &str) -> Result<Vec<(String, Vec<Raw>)>, InfError> {
    let mut sections: Vec<(String, Vec<Raw>)> = Vec::new();
    let mut pending: Option<Raw> = None;
    for (index, line) in text.lines().enumerate() {
        let bare = without_comment(line);
        let mut raw = pending.take().unwrap_or(Raw { number: index + 1, text: String::new() });
        if let Some(start) = bare.strip_suffix('\\').filter(|_| balanced(bare)) {
            raw.text.push_str(start);
            pending = Some(raw);
            continue;
        }
        raw.text.push_str(bare);
        if !balanced(&raw.text) {
            return Err(InfError::Quotation { line: raw.number });
        }
        let text = raw.text.trim();
        if let Some(name) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            sections.push((name.trim().to_owned(), Vec::new()));
        } else if let (false, Some((_, lines))) = (text.is_empty(), sections.last_mut()) {
            lines.push(raw);
        }
    }
    Ok(sections)
}

fn balanced(text: &str) -> bool {
    text.matches('"').count().is_multiple_of(2)
}

fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    let comment = line.char_indices().find(|&(_, c)| {
        quoted ^= c == '"';
        c == ';' && !quoted
    });
    line[..comment.map_or(line.len(), |(at, _)| at)].trim_end()
}

/// `[Strings]` itself is read without tokens.
fn strings(sections: &[(String, Vec<Raw>)]) -> Result<HashMap<String, String>, InfError> {
    let mut strings = HashMap::new();
    for (name, lines) in sections {
        if !name.eq_ignore_ascii_case("Strings") {
            continue;
        }
        for raw in lines {
            let Line { key: Some(key), values } = raw.parse(&HashMap::new())? else { continue };
            strings.insert(key.to_ascii_lowercase(), values.join(","));
        }
    }
    Ok(strings)
}

impl Raw {
    fn parse(&self, strings: &HashMap<String, String>) -> Result<Line, InfError> {
        let (key, rest) = match cut(&self.text, '=').as_slice() {
            [_] => (None, self.text.as_str()),
            [key, ..] => (Some(*key), &self.text[key.len() + 1..]),
            [] => (None, ""),
        };
        let key = key.map(|key| self.unquote(key, strings)).transpose()?;
        let values = cut(rest, ',').into_iter().map(|value| self.unquote(value, strings));
        Ok(Line { key, values: values.collect::<Result<_, _>>()? })
    }

    /// Takes quotation marks off and puts the strings in.
    fn unquote(&self, text: &str, strings: &HashMap<String, String>) -> Result<String, InfError> {
        let text = text.trim();
        let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        // "" inside a quotation is one quotation mark.
        let text = inner.map_or_else(|| text.to_owned(), |inner| inner.replace("\"\"", "\""));
        if strings.is_empty() {
            return Ok(text);
        }
        let mut parts = text.split('%');
        let mut whole = parts.next().unwrap_or_default().to_owned();
        while let Some(token) = parts.next() {
            let Some(after) = parts.next() else {
                // A percent sign without a partner stands for itself.
                whole.push('%');
                whole.push_str(token);
                break;
            };
            match strings.get(&token.to_ascii_lowercase()) {
                _ if token.is_empty() => whole.push('%'),
                Some(value) => whole.push_str(value),
                // Directory identifiers: %13% and such are Setup's to replace.
                None if token.bytes().all(|byte| byte.is_ascii_digit()) => {
                    whole.push_str(&format!("%{token}%"));
                }
                None => {
                    return Err(InfError::Token { line: self.number, token: token.to_owned() });
                }
            }
            whole.push_str(after);
        }
        Ok(whole)
    }
}

/// Splits at `separator` outside quotations. `=` splits once only.
fn cut(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    let mut parts: Vec<&str> = text
        .split(|c| {
            quoted ^= c == '"';
            c == separator && !quoted
        })
        .collect();
    if separator == '=' {
        parts.truncate(2);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_unquoted_and_filled_in() {
        let inf = Inf::parse(
            "; a comment\r\n[Version]\r\nSignature = \"$WINDOWS NT$\" ; another\r\n\
             [A.HW]\r\nHKR,,Security,,\"D:P(A;;GA;;;SY)\"\r\nx = %Name%, 100%%, \"a,b\", %13%\\y\r\n\
             [Strings]\r\nName = \"The \"\"name\"\"\"\r\n",
        )
        .unwrap();
        assert_eq!(inf.lines("version", "SIGNATURE").next().unwrap().value(0), "$WINDOWS NT$");
        let hw = inf.section("a.hw").unwrap();
        assert_eq!(hw[0].values, ["HKR", "", "Security", "", "D:P(A;;GA;;;SY)"]);
        assert_eq!(hw[1].values, ["The \"name\"", "100%", "a,b", "%13%\\y"]);
        assert_eq!(hw[1].value(9), "");
        assert_eq!(inf.names().collect::<Vec<_>>(), ["Version", "A.HW", "Strings"]);
    }

    #[test]
    fn continued_lines_are_one_and_like_sections_are_one() {
        let inf = Inf::parse("[a]\nb = 1, \\\n  2\n[A]\nc\n").unwrap();
        let lines = inf.section("a").unwrap();
        assert_eq!(lines[0].values, ["1", "2"]);
        assert_eq!(lines[1], Line { key: None, values: vec!["c".to_owned()] });
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_line() {
        let open = Inf::parse("[a]\nb = \"c\n");
        assert!(matches!(open, Err(InfError::Quotation { line: 2 })));
        let token = Inf::parse("[a]\n\nb = %None%\n[Strings]\nName = x\n");
        assert!(matches!(token, Err(InfError::Token { line: 3, token }) if token == "None"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[\\[\\]a=,;%\"\\\\\n .]{0,80}") {
            let _ = Inf::parse(&text);
        }
    }
}
