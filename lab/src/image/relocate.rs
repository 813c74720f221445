//! Base relocations (learn.microsoft.com/windows/win32/debug/pe-format, ".reloc Section").

use super::bytes::Bytes;
use super::error::{LoadError, Part};
use super::headers::Directory;

const ABSOLUTE: u16 = 0;
const DIR64: u16 = 10;

/// Moves `image`, laid out for another base, by `delta`.
pub(super) fn relocate(
    image: &mut [u8],
    directory: Directory,
    delta: u64,
) -> Result<(), LoadError> {
    let relocations = Bytes::new(image, Part::Relocations)
        .slice(directory.rva.into(), directory.bytes.into())?
        .to_vec();
    let relocations = Bytes::new(&relocations, Part::Relocations);
    let mut block = 0;
    while block < u64::from(directory.bytes) {
        let page = relocations.u32(block)?;
        let bytes = u64::from(relocations.u32(block + 4)?);
        if bytes < 8 || bytes % 2 != 0 || block + bytes > directory.bytes.into() {
            let offset = u64::from(directory.rva) + block;
            return Err(LoadError::OutOfBounds { part: Part::Relocations, offset, bytes });
        }
        for entry in (block + 8..block + bytes).step_by(2) {
            let entry = relocations.u16(entry)?;
            let rva = page.wrapping_add(u32::from(entry & 0xfff));
            match entry >> 12 {
                ABSOLUTE => {}
                DIR64 => add(image, rva, delta)?,
                kind => return Err(LoadError::RelocationType { rva, kind }),
            }
        }
        block += bytes;
    }
    Ok(())
}

fn add(image: &mut [u8], rva: u32, delta: u64) -> Result<(), LoadError> {
    let value = Bytes::new(image, Part::Relocations).u64(rva.into())?.wrapping_add(delta);
    image[rva as usize..][..8].copy_from_slice(&value.to_le_bytes());
    Ok(())
}
