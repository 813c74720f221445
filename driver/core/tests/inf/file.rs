//! An INF file: sections of lines, `;` comments, `key = value` entries
//! (learn.microsoft.com/windows-hardware/drivers/install/general-syntax-rules-for-inf-files).

/// Sections and directives that the universal subset leaves out
/// (learn.microsoft.com/windows-hardware/drivers/install/using-a-universal-inf-file).
pub const FORBIDDEN: &[&str] = &[
    "ClassInstall32",
    "CoInstallers",
    "DelFiles",
    "DelReg",
    "RenFiles",
    "RegisterDlls",
    "UnregisterDlls",
    "LogConfigOverride",
    "Reboot",
];

/// Sections that Windows looks for by name.
const KNOWN: &[&str] = &[
    "Version",
    "DestinationDirs",
    "SourceDisksNames",
    "SourceDisksFiles",
    "Manufacturer",
    "Strings",
];

/// A parsed file.
pub struct Inf {
    sections: Vec<(String, Vec<String>)>,
}

impl Inf {
    pub fn parse(text: &str) -> Self {
        let mut sections: Vec<(String, Vec<String>)> = Vec::new();
        for line in text.lines().map(without_comment).filter(|line| !line.is_empty()) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                sections.push((name.to_owned(), Vec::new()));
            } else if let Some((_, lines)) = sections.last_mut() {
                lines.push(line.to_owned());
            }
        }
        Self { sections }
    }

    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(|(name, _)| name.as_str())
    }

    pub fn lines(&self, section: &str) -> &[String] {
        let found = self.sections.iter().find(|(name, _)| name == section);
        found.map_or(&[], |(_, lines)| lines)
    }

    pub fn all_lines(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().flat_map(|(_, lines)| lines).map(String::as_str)
    }

    pub fn value(&self, section: &str, key: &str) -> Option<&str> {
        self.lines(section).iter().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            (name.trim() == key).then_some(value.trim())
        })
    }

    /// Whether a section is named so, or has it as its last part, or an entry is.
    pub fn uses(&self, directive: &str) -> bool {
        self.sections().any(|name| name.split('.').any(|part| part == directive))
            || self.all_lines().any(|line| line.split('=').next().map(str::trim) == Some(directive))
    }

    /// Names between percent signs without a line in `[Strings]`; numbers are folders.
    pub fn undefined_strings(&self) -> Vec<String> {
        let used = self.all_lines().flat_map(|line| {
            line.split('%').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
        });
        used.filter(|name| name.parse::<u32>().is_err())
            .filter(|name| self.value("Strings", name).is_none())
            .collect()
    }

    /// Sections that nothing refers to.
    pub fn unused_sections(&self) -> Vec<&str> {
        let referred = |name: &str| {
            self.all_lines().any(|line| {
                let value = line.split_once('=').map_or("", |(_, value)| value);
                value.split([',', ' ']).any(|word| word.trim() == name)
            })
        };
        let used = |name: &str| {
            // `Models.Decoration` and `Install.Platform.Kind` belong to their first part.
            KNOWN.contains(&name) || referred(name.split('.').next().unwrap_or(name))
        };
        self.sections().filter(|name| !used(name)).collect()
    }
}

/// The line up to a semicolon outside quotes.
fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    let end = line.find(|letter: char| {
        quoted ^= letter == '"';
        letter == ';' && !quoted
    });
    line[..end.unwrap_or(line.len())].trim()
}
