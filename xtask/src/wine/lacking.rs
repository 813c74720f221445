//! What a driver imports and a kernel does not have. Wine loads such a driver without a word, and
//! winedevice dies at the call; here it is said before, by name.

use std::path::Path;

use object::Object as _;
use object::read::pe::PeFile64;

use super::exports::{Entry, Exports};
use super::routines::NEVER_CALLED;
use crate::error::{Error, Result};
use crate::fs;

/// The kernel's name in import tables.
const KERNEL: &str = "ntoskrnl.exe";

/// Fails, with the names, if the driver imports what the kernel lacks.
///
/// `wine` is what Wine's own kernel exports, `added` what the shim puts in place of that.
pub fn check(driver: &Path, wine: &Exports, added: &[&str]) -> Result<()> {
    let file = fs::read(driver)?;
    let broken =
        |why: object::Error| Error::NotAnImage { path: driver.to_owned(), why: why.to_string() };
    let image = PeFile64::parse(file.as_slice()).map_err(broken)?;
    let mut names = Vec::new();
    for import in image.imports().map_err(broken)? {
        if import.library().eq_ignore_ascii_case(KERNEL.as_bytes()) {
            names.push(String::from_utf8_lossy(import.name()).into_owned());
        }
    }
    let file_name = driver.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let missing = among(&file_name, &names, wine, added);
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::WineLacks { driver: driver.to_owned(), missing })
}

fn among(driver: &str, names: &[String], wine: &Exports, added: &[&str]) -> Vec<String> {
    let is_there = |name: &str| {
        added.contains(&name)
            || wine.get(name) == Some(Entry::Real)
            || NEVER_CALLED.contains(&(driver, name)) && wine.get(name).is_some()
    };
    names.iter().filter(|name| !is_there(name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_is_missing_and_what_ends_the_process() {
        let wine = Exports::from_names(&[
            ("DbgPrint", Entry::Real),
            ("IoInvalidateDeviceState", Entry::Stub),
            ("MmLockPagableDataSection", Entry::Stub),
        ]);
        let names = |list: &[&str]| list.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let all = names(&[
            "DbgPrint",
            "MmLockPagableDataSection",
            "KeQueryPerformanceCounter",
            "IoInvalidateDeviceState",
        ]);
        assert_eq!(
            among("wdfldr.sys", &all, &wine, &["KeQueryPerformanceCounter"]),
            ["MmLockPagableDataSection"]
        );
        // What the framework may import unused, another driver may not.
        assert_eq!(
            among("other.sys", &all, &wine, &["MmLockPagableDataSection"]),
            ["KeQueryPerformanceCounter", "IoInvalidateDeviceState"]
        );
    }
}
