//! Blocks, told by tag and by who allocated and freed them.

use std::collections::BTreeMap;

use super::special::{self, Verdict};
use super::{Kind, tag_name, tracking};
use crate::image::Image;

/// One sentence for all blocks of a kind, a tag and a place; with it, the address that the
/// allocation returned to. What takes the most bytes comes first.
pub(crate) fn leaks(image: &Image) -> Vec<(String, Option<u64>)> {
    let mut leaks = BTreeMap::<_, (usize, usize)>::new();
    for block in tracking::owned_by(image) {
        let leak = leaks.entry((block.tag, block.kind == Kind::Paged, block.site)).or_default();
        leak.0 += 1;
        leak.1 += block.bytes;
    }
    let mut leaks: Vec<_> = leaks.into_iter().collect();
    leaks.sort_by_key(|(_, (_, bytes))| std::cmp::Reverse(*bytes));
    leaks
        .into_iter()
        .map(|((tag, paged, site), (blocks, bytes))| {
            let kind = if paged { "paged" } else { "nonpaged" };
            let blocks = if blocks == 1 { "1 block".into() } else { format!("{blocks} blocks") };
            let tag = tag_name(tag);
            let what = format!("{blocks} of {kind} pool, {bytes} bytes, tag {tag:?}, not freed");
            (what, site.and_then(|site| site.address()))
        })
        .collect()
}

/// What is known of the block at `address`: who allocated it, and who freed it.
pub(crate) fn story(address: usize) -> Vec<(String, Option<u64>)> {
    let Some(block) = tracking::known(address) else { return Vec::new() };
    let kind = if block.kind == Kind::Paged { "paged" } else { "nonpaged" };
    let (bytes, tag) = (block.bytes, tag_name(block.tag));
    let what = format!("the block at {address:#x}: {bytes} bytes of {kind} pool, tag {tag:?}");
    let mut story = vec![(what, block.site.and_then(|site| site.address()))];
    if let Some(freed_by) = block.freed_by {
        story.push(("it was freed".into(), freed_by.address()));
    }
    story
}

/// As [`story`], of the block of special pool that a fault at `address` has to do with.
pub(crate) fn story_of_fault(address: usize) -> Vec<(String, Option<u64>)> {
    let block = match special::verdict(address) {
        Some(Verdict::Freed(block) | Verdict::Beyond(block)) => block,
        _ => address,
    };
    story(block)
}
