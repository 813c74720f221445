//! What an address is: its image, its section, its function.

use pagewise_lab_wire::Frame;

use super::symbols::Symbols;
use crate::exports::KERNEL;
use crate::{image, mm};

/// The depth of a frame that has called another.
pub(super) const CALLED: usize = 1;

/// The image, loaded or not any more, that holds an address.
pub(super) fn owner(address: u64) -> Option<String> {
    let address = usize::try_from(address).ok()?;
    match image::find(address) {
        Some(image) => Some(image.name().to_owned()),
        None => mm::unloaded_name(address),
    }
}

/// The section of a loaded image that holds an address.
pub(super) fn section(address: u64) -> Option<String> {
    let address = usize::try_from(address).ok()?;
    Some(image::find(address)?.section_at(address)?.to_owned())
}

/// The place of a program counter at depth 0, of a return address further out.
pub(super) fn frame(address: u64, depth: usize, symbols: &mut Symbols<'_>) -> Frame {
    // A return address may be the first of the next function.
    let within = if depth == 0 { address } else { address.wrapping_sub(1) };
    let image = usize::try_from(within).ok().and_then(image::find);
    let located = match image {
        Some(image) => symbols.in_image(image, (within - image.base() as u64) as u32),
        None => symbols.in_host(within),
    };
    let rva = image.and_then(|image| u32::try_from(address - image.base() as u64).ok());
    let module = match image {
        Some(image) => Some(image.name().to_owned()),
        None => owner(within).or_else(|| located.function.as_ref().map(|_| KERNEL.to_owned())),
    };
    Frame { address, module, rva, function: located.function, source: located.source }
}
