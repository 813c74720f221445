//! Settings that bear on paging, as they are found. Nothing is judged here.

use std::fmt::Display;

use crate::error::Error;
use crate::win32::{code_integrity, performance, pressure, registry, version};

const MEMORY_MANAGEMENT: &str =
    r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management";
const MEMORY_INTEGRITY: &str =
    r"SYSTEM\CurrentControlSet\Control\DeviceGuard\Scenarios\HypervisorEnforcedCodeIntegrity";

/// `CODEINTEGRITY_OPTION_HVCI_KMCI_ENABLED` of `SystemCodeIntegrityInformation`
/// (learn.microsoft.com/windows/win32/api/winternl/nf-winternl-ntquerysysteminformation).
const HVCI_ENABLED: u32 = 0x400;

/// All of them, by name.
pub(super) fn read() -> Vec<(&'static str, String)> {
    let version = version::of_windows()
        .map(|version| format!("{}.{}.{}", version.major, version.minor, version.build));
    let memory = pressure::physical().map(|physical| format!("{} MiB", physical.total >> 20));
    let integrity = code_integrity::options();
    let running = integrity.map(|options| if options & HVCI_ENABLED == 0 { "no" } else { "yes" });
    let pages = performance::driver_pages()
        .map(|pages| pages.map_or_else(|| "none".to_owned(), |pages| pages.total.to_string()));
    vec![
        ("Windows", told(version)),
        ("physical memory", told(memory)),
        ("memory integrity runs", told(running)),
        ("memory integrity in the registry", number(MEMORY_INTEGRITY, "Enabled")),
        ("DisablePagingExecutive", number(MEMORY_MANAGEMENT, "DisablePagingExecutive")),
        ("LargePageDrivers", text(MEMORY_MANAGEMENT, "LargePageDrivers")),
        ("VerifyDrivers", text(MEMORY_MANAGEMENT, "VerifyDrivers")),
        ("VerifyDriverLevel", number(MEMORY_MANAGEMENT, "VerifyDriverLevel")),
        ("pageable driver pages", told(pages)),
    ]
}

fn told(reading: Result<impl Display, Error>) -> String {
    reading.map_or_else(|error| error.to_string(), |value| value.to_string())
}

fn number(key: &str, value: &str) -> String {
    registry::number(key, value).map_or_else(|| "not set".to_owned(), |number| number.to_string())
}

fn text(key: &str, value: &str) -> String {
    registry::text(key, value).unwrap_or_else(|| "not set".to_owned())
}
