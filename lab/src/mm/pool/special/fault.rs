//! What a fault in special pool means.

use pagewise_contract::PAGE_SIZE;

use super::arena::{Arena, Slot};
use crate::mm::pool::Kind;

/// What an address in special pool is to the block that it is nearest to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// In the page of a block that is allocated, of this kind.
    Live(Kind),
    /// In a block that was freed, or at its side. Where it began.
    Freed(usize),
    /// Outside a block that is allocated. Where it begins.
    Beyond(usize),
    /// Where no block ever was.
    Nothing,
}

/// Judges an address; `None` of one that is not in special pool. Async-signal-safe.
pub(crate) fn verdict(address: usize) -> Option<Verdict> {
    let arena = Arena::find(address)?;
    let (page, offset) = arena.place_of(address);
    if !page.is_multiple_of(2) {
        let index = page / 2;
        return Some(match arena.slot(index) {
            Some(slot) if slot.live => Verdict::Live(arena.kind()),
            Some(slot) => Verdict::Freed(arena.block_of(index, slot)),
            None => Verdict::Nothing,
        });
    }
    // Between two blocks: what lies in the first half of the page is beyond the one before.
    let (before, after) = ((page / 2).wrapping_sub(1), page / 2);
    let order = if offset < PAGE_SIZE / 2 { [before, after] } else { [after, before] };
    let known = |index: usize| arena.slot(index).map(|slot| (index, slot));
    let blocks: [Option<(usize, Slot)>; 2] = order.map(known);
    let live = blocks.into_iter().flatten().find(|(_, slot)| slot.live);
    let Some((index, slot)) = live.or(blocks.into_iter().flatten().next()) else {
        return Some(Verdict::Nothing);
    };
    let block = arena.block_of(index, slot);
    Some(if slot.live { Verdict::Beyond(block) } else { Verdict::Freed(block) })
}
