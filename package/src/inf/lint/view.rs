//! The file as Windows goes through it: manufacturers, models, install sections.

use std::collections::HashMap;

use super::super::document::{Entry, Inf, Section, same};
use super::target::{Target, Windows};

/// An INF file and where Windows gets in it.
pub(super) struct View<'a> {
    pub inf: &'a Inf,
    /// What `[Manufacturer]` lists.
    pub listed: Vec<Listed<'a>>,
    /// The install sections that a device can get to, each once.
    pub installs: Vec<Install<'a>>,
}

/// A models section as `[Manufacturer]` names it.
pub(super) struct Listed<'a> {
    /// The line in `[Manufacturer]`.
    pub entry: &'a Entry,
    /// The decoration as written; none for a section without.
    pub decoration: Option<String>,
    /// What it says, if it says anything.
    pub target: Option<Target>,
    /// The name without its decoration.
    pub base: String,
    /// The name with it.
    pub section: String,
}

/// A section that installs a device, and those that belong to it.
pub(super) struct Install<'a> {
    pub section: &'a Section,
    /// The first version of Windows that gets here.
    pub from: Windows,
    /// Whether a device leads here, and not `[DefaultInstall]`.
    pub device: bool,
    /// Whether a device below the root enumerator leads here: one that no bus makes.
    pub root: bool,
}

impl<'a> View<'a> {
    pub fn of(inf: &'a Inf) -> Self {
        let listed = inf.entries("Manufacturer").iter().flat_map(|entry| listed(inf, entry));
        let mut view = View { inf, listed: listed.collect(), installs: Vec::new() };
        let of_devices = view.listed.iter().flat_map(|listed| installs(inf, listed));
        let mut found: Vec<Install<'a>> = of_devices.chain(defaults(inf)).collect();
        // Of several ways to a section, the oldest Windows counts.
        found.sort_by_key(|install| install.from);
        let mut at: HashMap<String, usize> = HashMap::new();
        for install in found {
            let next = view.installs.len();
            let slot = *at.entry(install.section.name.to_lowercase()).or_insert(next);
            match view.installs.get_mut(slot) {
                Some(first) => first.root |= install.root,
                None => view.installs.push(install),
            }
        }
        view
    }

    /// The setup class.
    pub fn class(&self) -> String {
        let class = self.inf.entry("Version", "Class");
        class.map_or_else(String::new, |class| self.inf.expand(class.value(0)))
    }

    /// Whether the file adds to devices that another INF installs.
    pub fn is_extension(&self) -> bool {
        same(&self.class(), "Extension")
    }

    /// Install sections that make a device work, alone.
    pub fn devices(&self) -> impl Iterator<Item = &Install<'a>> {
        let extension = self.is_extension();
        self.installs.iter().filter(move |install| install.device && !extension)
    }

    /// Whether a model of `listed` gets to an install section of this name.
    pub fn reaches(&self, listed: &Listed<'_>, install: &str) -> bool {
        let architecture = listed.target.as_ref().map_or("", |target| &target.architecture);
        decorated(self.inf, install, architecture).is_some()
    }

    /// The section `<install><suffix>`, such as `.Services`.
    pub fn part(&self, install: &Install<'_>, suffix: &str) -> Option<&'a Section> {
        self.inf.section(&format!("{}{suffix}", install.section.name))
    }

    /// The names after a directive in a section, with the lines they stand on.
    pub fn names(&self, section: &'a Section, key: &str) -> Vec<(usize, String)> {
        let mut names = Vec::new();
        for entry in section.entries.iter().filter(|entry| entry.is(key)) {
            let values = entry.values.iter().map(|value| self.inf.expand(value));
            names.extend(values.filter(|it| !it.is_empty()).map(|name| (entry.line, name)));
        }
        names
    }
}

/// The install sections that the models of a section lead to.
fn installs<'a>(inf: &'a Inf, listed: &Listed<'_>) -> impl Iterator<Item = Install<'a>> {
    let target = listed.target.clone();
    let from = target.as_ref().map_or((0, 0, 0), |target| target.from);
    let architecture = target.map_or_else(String::new, |target| target.architecture);
    inf.entries(&listed.section).iter().filter_map(move |model| {
        let section = decorated(inf, &inf.expand(model.value(0)), &architecture)?;
        let mut ids = model.values.iter().skip(1).map(|id| inf.expand(id).to_lowercase());
        let root = ids.any(|id| id.starts_with("root\\"));
        Some(Install { section, from, device: true, root })
    })
}

/// `[DefaultInstall]` and its decorations, which need no device.
fn defaults(inf: &Inf) -> impl Iterator<Item = Install<'_>> {
    let default = |section: &&Section| {
        let mut parts = section.name.split('.');
        parts.next().is_some_and(|name| same(name, "DefaultInstall")) && parts.count() <= 1
    };
    let from = (u32::MAX, 0, 0);
    let found = inf.sections().iter().filter(default);
    found.map(move |section| Install { section, from, device: false, root: false })
}

fn listed<'a>(inf: &'a Inf, entry: &'a Entry) -> Vec<Listed<'a>> {
    let base = inf.expand(entry.value(0));
    let decorations = entry.values.get(1..).unwrap_or_default();
    let plain = decorations.is_empty().then(|| Listed {
        entry,
        decoration: None,
        // x86, whatever its version.
        target: Target::parse("NT"),
        section: base.clone(),
        base: base.clone(),
    });
    let decorated = decorations.iter().map(|raw| {
        let decoration = inf.expand(raw);
        Listed {
            entry,
            target: Target::parse(&decoration),
            section: format!("{base}.{decoration}"),
            base: base.clone(),
            decoration: Some(decoration),
        }
    });
    decorated.chain(plain).collect()
}

/// The section of this name in its best decoration
/// (learn.microsoft.com/windows-hardware/drivers/install/inf-ddinstall-section).
fn decorated<'a>(inf: &'a Inf, base: &str, architecture: &str) -> Option<&'a Section> {
    let names = [format!("{base}.NT{architecture}"), format!("{base}.NT"), base.to_owned()];
    names.iter().find_map(|name| inf.section(name))
}
