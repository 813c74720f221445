//! Who has which block.

use std::collections::{BTreeMap, HashMap};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Kind;
use crate::image::Image;

/// A block that is allocated, or was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) kind: Kind,
    pub(super) bytes: usize,
    pub(super) tag: u32,
    /// `None` of the machine itself.
    pub(super) owner: Option<&'static Image>,
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
pub(super) fn remove(address: usize, tag: Option<u32>) -> Result<Block, NotFreed> {
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
    freed.insert(address, block);
    Ok(block)
}

pub(super) fn all() -> Vec<Block> {
    blocks().allocated.values().copied().collect()
}

pub(super) fn owned_by(image: &Image) -> usize {
    let is_owner = |block: &&Block| block.owner.is_some_and(|owner| ptr::eq(owner, image));
    blocks().allocated.values().filter(is_owner).count()
}
