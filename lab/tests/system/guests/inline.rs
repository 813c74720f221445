//! What headers for x64 compile into a driver instead of a call: CR8, `gs`, the shared page.

use super::{answer, code, each_way, open};

const SAMPLE: u32 = code(0x800, 0, 0);
const DISPATCH_LEVEL: u32 = 2;
/// 100 ns in a second.
const SECOND: u64 = 10_000_000;

#[test]
fn inline_functions_see_what_the_exports_do() {
    each_way("clock", |client| {
        let handle = open(client, r"\\.\Clock");
        let mut sample = || {
            let bytes = answer(client.ioctl(handle, SAMPLE, &[], 256).unwrap());
            let word = |offset: usize| u32::from_le_bytes(*bytes[offset..].first_chunk().unwrap());
            let long = |offset: usize| u64::from_le_bytes(*bytes[offset..].first_chunk().unwrap());
            let irql = [word(0), word(4), word(8), word(12)];
            assert_eq!(irql, [0, DISPATCH_LEVEL, DISPATCH_LEVEL, 0]);
            let (ticks, interrupt, system, precise) = (long(16), long(24), long(32), long(40));
            assert!(ticks.abs_diff(interrupt / 156_250) <= 1 + SECOND / 156_250, "{ticks} ticks");
            assert!(system.abs_diff(precise) < 10 * SECOND);
            assert_ne!(long(48), 0);
            assert_eq!(long(48), long(56), "the current thread");
            assert_eq!((word(64), word(68)), (10, 19_041));
            (interrupt, system)
        };
        let (first, second) = (sample(), sample());
        assert!(second.0 > first.0 && second.1 > first.1, "time passes: {first:?} {second:?}");
        client.close(handle).unwrap();
    });
}
