//! What an INF says that its catalog must say: Inf2Cat reads the same of it
//! (learn.microsoft.com/windows-hardware/drivers/devtest/inf2cat).

use der::DateTime;

use crate::inf::Inf;

/// What a package's INF says of its catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The catalog's file name.
    pub catalog: String,
    /// The names of the files that the INF installs, in its order; the INF itself is not among them.
    pub files: Vec<String>,
    /// The hardware ids of all models, each once.
    pub hardware_ids: Vec<String>,
    /// The day of `DriverVer`: seconds since 1970, UTC.
    pub time: u64,
}

/// What an INF lacks to have a catalog.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentsError {
    /// No `CatalogFile`.
    #[error("[Version] names no CatalogFile")]
    NoCatalog,
    /// No file to install.
    #[error("[SourceDisksFiles] names no file")]
    NoFiles,
    /// No device.
    #[error("[Manufacturer] leads to no hardware id")]
    NoHardwareId,
    /// A name that leads elsewhere.
    #[error("{0:?} is no name of a file in the package's folder")]
    Name(String),
    /// No date, or none that is one.
    #[error("DriverVer is {0:?}, which has no date as in 11/22/2026")]
    Date(String),
}

impl Contents {
    /// Reads a stamped INF.
    pub fn of(inf: &Inf) -> Result<Self, ContentsError> {
        let version = |key| inf.entry("Version", key).map(|entry| inf.expand(entry.value(0)));
        let catalog = version("CatalogFile").filter(|name| !name.is_empty());
        let files: Vec<String> = ["SourceDisksFiles", "SourceDisksFiles.amd64"]
            .iter()
            .flat_map(|section| inf.entries(section))
            .filter_map(|entry| entry.key.clone())
            .collect();
        let hardware_ids = hardware_ids(inf);
        let driver_ver = version("DriverVer").unwrap_or_default();
        let contents = Self {
            catalog: catalog.ok_or(ContentsError::NoCatalog)?,
            time: seconds(&driver_ver).ok_or(ContentsError::Date(driver_ver))?,
            files,
            hardware_ids,
        };
        let names = || contents.files.iter().chain([&contents.catalog]);
        if let Some(name) = names().find(|name| !is_plain(name)) {
            return Err(ContentsError::Name(name.clone()));
        }
        if contents.files.is_empty() {
            return Err(ContentsError::NoFiles);
        }
        if contents.hardware_ids.is_empty() {
            return Err(ContentsError::NoHardwareId);
        }
        Ok(contents)
    }
}

/// Whether a name is that of a file beside the INF, and of no other.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', ':', '\0'])
}

/// `name = section, decoration, ...` leads to `section.decoration`, where a model's entry holds its
/// install section and then its ids.
fn hardware_ids(inf: &Inf) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for manufacturer in inf.entries("Manufacturer") {
        let models = manufacturer.value(0);
        let decorations = manufacturer.values.iter().skip(1);
        let sections = std::iter::once(models.to_owned())
            .chain(decorations.map(|decoration| format!("{models}.{decoration}")));
        let ids = sections.flat_map(|section| {
            let entries = inf.entries(&section);
            entries.iter().flat_map(|entry| entry.values.iter().skip(1)).collect::<Vec<_>>()
        });
        for id in ids.map(|id| inf.expand(id)).filter(|id| !id.is_empty()) {
            if !found.iter().any(|known| known.eq_ignore_ascii_case(&id)) {
                found.push(id);
            }
        }
    }
    found
}

/// The moment at which a day, as `DriverVer` has it, begins.
fn seconds(date: &str) -> Option<u64> {
    let mut parts = date.split('/');
    let month = parts.next()?.parse().ok()?;
    let day = parts.next()?.parse().ok()?;
    let year = parts.next()?.parse().ok()?;
    let moment = DateTime::new(year, month, day, 0, 0, 0).ok()?;
    parts.next().is_none().then(|| moment.unix_duration().as_secs())
}
