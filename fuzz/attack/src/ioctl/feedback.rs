//! What guides the fuzzer: counters beside those of its own instrumentation.
//!
//! libFuzzer looks at every byte of the section `__libfuzzer_extra_counters` after each input and
//! clears it before the next; an input that makes one count as none did before is kept.

use std::sync::atomic::{AtomicU8, Ordering};

/// Counters for basic blocks of the drivers.
pub const BLOCKS: usize = 8192;

/// Counters for one kind of answer after another.
const PAIRS: usize = 1024;

#[used]
#[unsafe(link_section = "__libfuzzer_extra_counters")]
static COUNTERS: [AtomicU8; BLOCKS + PAIRS] = [const { AtomicU8::new(0) }; BLOCKS + PAIRS];

/// A basic block was reached for the first time. Async-signal-safe.
pub fn block(index: usize) {
    if let Some(counter) = COUNTERS[..BLOCKS].get(index) {
        counter.store(1, Ordering::Relaxed);
    }
}

/// An answer, in a state of the driver, followed another.
pub fn pair(before: u32, now: u32) {
    let mixed = (before.wrapping_mul(0x9e37_79b9) ^ now).wrapping_mul(0x85eb_ca6b);
    let counter = &COUNTERS[BLOCKS..][mixed as usize >> 22];
    // That one is one more, not how many: sequences that only repeat would all be kept else.
    counter.store(1, Ordering::Relaxed);
}

const _: () = assert!(PAIRS == 1 << 10);
