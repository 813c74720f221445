//! What an install has added, in the registry, so that an uninstall removes that and no more.

use windows_registry::LOCAL_MACHINE;
use windows_sys::Win32::Foundation::ERROR_FILE_NOT_FOUND;

use super::super::Trust;
use crate::error::Error;
use crate::status::Win32;

const KEY: &str = r"SOFTWARE\Pagewise";
const VALUE: &str = "TrustedCertificates";

/// The certificates that were added.
pub(super) fn read() -> Result<Vec<Trust>, Error> {
    let Ok(key) = LOCAL_MACHINE.open(KEY) else { return Ok(Vec::new()) };
    let Ok(lines) = key.get_multi_string(VALUE) else { return Ok(Vec::new()) };
    Ok(lines.iter().filter_map(|line| parse(line)).collect())
}

/// Takes note of one more.
pub(super) fn add(trust: &Trust) -> Result<(), Error> {
    let mut all = read()?;
    if !all.contains(trust) {
        all.push(trust.clone());
    }
    write(&all)
}

/// Forgets one; the key goes with the last.
pub(super) fn forget(trust: &Trust) -> Result<(), Error> {
    let mut all = read()?;
    all.retain(|other| other != trust);
    if all.is_empty() {
        return match LOCAL_MACHINE.remove_tree(KEY).map_err(|error| failed(error.code().0)) {
            Err(Error::Win32 { code: Win32(ERROR_FILE_NOT_FOUND), .. }) => Ok(()),
            result => result,
        };
    }
    write(&all)
}

fn write(all: &[Trust]) -> Result<(), Error> {
    let lines: Vec<String> =
        all.iter().map(|trust| format!("{}:{}", trust.store, trust.thumbprint)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let key = LOCAL_MACHINE.create(KEY).map_err(|error| failed(error.code().0))?;
    key.set_multi_string(VALUE, &lines).map_err(|error| failed(error.code().0))
}

fn parse(line: &str) -> Option<Trust> {
    let (store, thumbprint) = line.split_once(':')?;
    Some(Trust { store: store.to_owned(), thumbprint: thumbprint.to_owned() })
}

fn failed(hresult: i32) -> Error {
    let code = Win32::from_hresult(hresult.cast_unsigned());
    Error::Win32 { operation: format!(r"writing HKLM\{KEY}"), code }
}
