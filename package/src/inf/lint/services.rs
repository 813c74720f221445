//! Services (learn.microsoft.com/windows-hardware/drivers/install/inf-addservice-directive).

use super::super::document::{Section, same};
use super::super::rules;
use super::files::copies;
use super::view::{Install, View};
use super::{Report, number};

/// `SPSVCINST_ASSOCSERVICE`: the device's function driver.
const ASSOCIATED: u32 = 0x2;

/// An `AddService` line.
pub(super) struct Service {
    pub line: usize,
    /// Empty for a device that needs no driver.
    pub name: String,
    flags: u32,
    section: String,
}

impl Service {
    /// Whether it is the device's function driver.
    pub const fn associated(&self) -> bool {
        self.flags & ASSOCIATED != 0
    }
}

/// What the `.Services` section of an install section adds.
pub(super) fn services(view: &View<'_>, install: &Install<'_>) -> Vec<Service> {
    let Some(section) = view.part(install, ".Services") else {
        return Vec::new();
    };
    let entries = section.entries.iter().filter(|entry| entry.is("AddService"));
    let value = |raw: &str| view.inf.expand(raw);
    entries
        .map(|entry| Service {
            line: entry.line,
            name: value(entry.value(0)),
            flags: number(&value(entry.value(1))).unwrap_or(0),
            section: value(entry.value(2)),
        })
        .collect()
}

/// The sections that describe services.
pub(super) fn sections<'a>(view: &View<'a>) -> Vec<&'a Section> {
    let services = view.installs.iter().flat_map(|install| services(view, install));
    services.filter_map(|service| view.inf.section(&service.section)).collect()
}

pub(super) fn check(view: &View<'_>, report: &mut Report) {
    for install in &view.installs {
        let services = services(view, install);
        let of_network = NO_DEVICES.iter().any(|class| same(class, &view.class()));
        if install.device && !view.is_extension() && !of_network {
            associated(view, install, &services, report);
        }
        for service in services.iter().filter(|service| !service.name.is_empty()) {
            match view.inf.section(&service.section) {
                Some(section) => described(view, install, service, section, report),
                None => {
                    let text = format!("[{}] of {} is not there", service.section, service.name);
                    report.at(&rules::SERVICE_SECTION, service.line, text);
                }
            }
        }
    }
}

/// Classes of network components that are no devices and have no function driver.
const NO_DEVICES: [&str; 3] = ["NetClient", "NetService", "NetTrans"];

/// A device has one function driver.
fn associated(view: &View<'_>, install: &Install<'_>, services: &[Service], report: &mut Report) {
    let mut associated = services.iter().filter(|service| service.associated());
    let first = associated.next();
    let inherited = view
        .part(install, ".Services")
        .is_some_and(|it| it.entries.iter().any(|it| it.is("Needs")));
    if first.is_none() && !inherited {
        let section = &install.section;
        let line = section.headers.first().copied().unwrap_or(1);
        let text = format!("[{}.Services] adds no function driver", section.name);
        report.at(&rules::SERVICE_NONE, line, text);
    }
    for second in associated {
        let text = format!("{} is a second function driver", second.name);
        report.at(&rules::SERVICE_TWO, second.line, text);
    }
}

fn described(
    view: &View<'_>,
    install: &Install<'_>,
    service: &Service,
    section: &Section,
    report: &mut Report,
) {
    let header = section.headers.first().copied().unwrap_or(service.line);
    let line_of = |key: &str| {
        let entry = section.entries.iter().find(|entry| entry.is(key))?;
        Some((entry.line, view.inf.expand(entry.value(0))))
    };
    let number_of = |key| line_of(key).map(|(line, text)| (line, number(&text)));
    let kernel = matches!(number_of("ServiceType"), Some((_, Some(1))) | None);
    match number_of("StartType") {
        Some((line, Some(4))) if service.associated() => {
            report.at(&rules::SERVICE_DISABLED, line, format!("{} never starts", service.name));
        }
        Some((line, Some(0..=2))) if kernel && service.associated() => {
            let text = format!("{} starts before its device is there", service.name);
            report.at(&rules::SERVICE_START, line, text);
        }
        _ => {}
    }
    for key in ["ServiceType", "StartType", "ErrorControl"] {
        let (line, value) = number_of(key).unwrap_or((header, None));
        if value.is_none() {
            report.at(&rules::SERVICE_VALUE, line, format!("{key} of {} is missing", service.name));
        }
    }
    if let Some((line, Some(2..))) = number_of("ErrorControl").filter(|_| kernel) {
        let text = format!("a failure of {} would fail the start of Windows", service.name);
        report.at(&rules::SERVICE_START, line, text);
    }
    let (line, binary) = line_of("ServiceBinary").unwrap_or((header, String::new()));
    image(view, install, line, &binary, report);
}

/// The service's image is a file of the package, where the package puts it.
fn image(view: &View<'_>, install: &Install<'_>, line: usize, path: &str, report: &mut Report) {
    let parts = path.trim_matches('"').strip_prefix('%').and_then(|rest| rest.split_once("%\\"));
    let Some((number, rest)) = parts else {
        report.at(&rules::BINARY_FOLDER, line, format!("{path:?} is not below a numbered folder"));
        return;
    };
    let mut copies = copies(view, install).into_iter();
    let copied = copies.any(|copy| {
        // Without a destination it goes nowhere yet, which is a finding of its own.
        copy.folder.is_none_or(|(folder, below)| {
            let below = below.trim_matches('\\');
            let own = if below.is_empty() { copy.name } else { format!("{below}\\{}", copy.name) };
            folder == number && same(&own, rest)
        })
    });
    if !copied {
        report.at(&rules::BINARY_COPIED, line, format!("nothing copies a file to {path}"));
    }
}
