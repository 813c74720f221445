//! What an image exports (learn.microsoft.com/windows/win32/debug/pe-format, ".edata Section").

use std::collections::HashMap;

use super::bytes::Bytes;
use super::error::{LoadError, Part};
use super::headers::Directory;

/// More than any driver exports.
const MOST_EXPORTS: u32 = 1 << 16;

/// The RVAs of a laid-out image's exports, by name. Forwarders are left out: no driver has them,
/// and an import that names one is reported as missing.
pub(super) fn exports(
    image: &[u8],
    directory: Directory,
) -> Result<HashMap<String, u32>, LoadError> {
    let bytes = Bytes::new(image, Part::Exports);
    let at = u64::from(directory.rva);
    bytes.slice(at, directory.bytes.into())?;
    let functions = bytes.u32(at + 20)?;
    let count = bytes.u32(at + 24)?;
    let (function_table, name_table) = (bytes.u32(at + 28)?, bytes.u32(at + 32)?);
    let ordinal_table = bytes.u32(at + 36)?;
    if count > MOST_EXPORTS {
        let rule = "is more than any driver has";
        return Err(LoadError::Field { field: "NumberOfNames", found: count.into(), rule });
    }
    let mut exports = HashMap::with_capacity(count as usize);
    for index in 0..u64::from(count) {
        let name = bytes.string(bytes.u32(u64::from(name_table) + 4 * index)?.into())?;
        let ordinal = bytes.u16(u64::from(ordinal_table) + 2 * index)?;
        if u32::from(ordinal) >= functions {
            let rule = "is beyond the export address table";
            return Err(LoadError::Field {
                field: "an export's ordinal",
                found: ordinal.into(),
                rule,
            });
        }
        let rva = bytes.u32(u64::from(function_table) + 4 * u64::from(ordinal))?;
        bytes.slice(rva.into(), 1)?;
        let is_forwarder = rva.wrapping_sub(directory.rva) < directory.bytes;
        if !is_forwarder {
            exports.insert(name, rva);
        }
    }
    Ok(exports)
}
