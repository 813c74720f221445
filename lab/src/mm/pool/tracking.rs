//! Who has which block.

use std::collections::{BTreeMap, HashMap};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Kind;
use crate::image::Image;
use crate::verifier::sites::Site;

/// A block that is allocated, or was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) kind: Kind,
    pub(super) bytes: usize,
    pub(super) tag: u32,
    /// `None` of the machine itself.
    pub(super) owner: Option<&'static Image>,
    /// Where it was allocated, while somebody wants to know.
    pub(super) site: Option<Site>,
    /// Where it was freed, likewise.
    pub(super) freed_by: Option<Site>,
}

impl Block {
    /// Whether `image` has to free it: it has allocated it, or a library has on its behalf.
    fn is_of(&self, image: &Image) -> bool {
        self.owner.is_some_and(|owner| ptr::eq(owner, image))
            || self.site.is_some_and(|site| site.is_of(image))
    }
}

/// Why a block was not freed.
#[derive(Clone, Copy, Debug)]
pub(super) enum NotFreed {
    /// There never was one there.
    Never,
    /// It is free already, and nobody has got its address since.
    Already(Block),
    /// It has another tag.
    OtherTag { allocated: u32, given: u32 },
}

#[derive(Debug)]
struct Blocks {
    allocated: BTreeMap<usize, Block>,
    /// What was freed, by addresses that are not allocated again.
    freed: Option<HashMap<usize, Block>>,
}

/// As many freed blocks are remembered as this; then all are forgotten, so that a machine that runs
/// for days does not grow.
const REMEMBERED: usize = 1 << 16;

static BLOCKS: Mutex<Blocks> = Mutex::new(Blocks { allocated: BTreeMap::new(), freed: None });

fn blocks() -> MutexGuard<'static, Blocks> {
    BLOCKS.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn add(address: usize, block: Block) {
    let mut blocks = blocks();
    blocks.allocated.insert(address, block);
    if let Some(freed) = &mut blocks.freed {
        freed.remove(&address);
    }
}

/// Takes a block out, unless `tag` is given and not its own.
/// `freed_by` says who does so.
pub(super) fn remove(
    address: usize,
    tag: Option<u32>,
    freed_by: impl FnOnce() -> Option<Site>,
) -> Result<Block, NotFreed> {
    let freed_by = freed_by();
    let mut blocks = blocks();
    let Some(block) = blocks.allocated.get(&address).copied() else {
        let was = blocks.freed.as_ref().and_then(|freed| freed.get(&address));
        return Err(was.map_or(NotFreed::Never, |&was| NotFreed::Already(was)));
    };
    if let Some(given) = tag.filter(|&tag| tag != 0 && tag != block.tag) {
        return Err(NotFreed::OtherTag { allocated: block.tag, given });
    }
    blocks.allocated.remove(&address);
    let freed = blocks.freed.get_or_insert_default();
    if freed.len() >= REMEMBERED {
        freed.clear();
    }
    freed.insert(address, Block { freed_by, ..block });
    Ok(block)
}

pub(super) fn all() -> Vec<Block> {
    blocks().allocated.values().copied().collect()
}

/// The blocks that `image` has to free.
pub(super) fn owned_by(image: &Image) -> Vec<Block> {
    blocks().allocated.values().filter(|block| block.is_of(image)).copied().collect()
}

/// The block at an address, allocated or freed. For reports: `None` too while somebody else is at
/// the list, who may have stopped for good.
pub(super) fn known(address: usize) -> Option<Block> {
    let blocks = BLOCKS.try_lock().ok()?;
    let freed = || blocks.freed.as_ref().and_then(|freed| freed.get(&address));
    blocks.allocated.get(&address).or_else(freed).copied()
}
