//! The bytes of an instruction.

use pagewise_contract::PAGE_SIZE;

use crate::mm::peek;

/// No instruction of x64 is longer.
const LONGEST: usize = 15;

/// As many bytes from `pc` on as can be read, and how many those are. Async-signal-safe.
pub(super) fn fetch(pc: u64) -> ([u8; LONGEST], usize) {
    let mut bytes = [0; LONGEST];
    // What lies in the next page is read only if that page is there.
    let here = (PAGE_SIZE - pc as usize % PAGE_SIZE).min(LONGEST);
    let (first, second) = bytes.split_at_mut(here);
    let length = if !peek(pc, first) {
        0
    } else if !second.is_empty() && peek(pc.wrapping_add(here as u64), second) {
        LONGEST
    } else {
        here
    };
    (bytes, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_is_read_and_no_more() {
        static CODE: [u8; LONGEST] = [0x90; LONGEST];
        assert_eq!(fetch(CODE.as_ptr() as u64), (CODE, LONGEST));
        assert_eq!(fetch(8).1, 0);
    }
}
