//! From performance counter ticks to nanoseconds.

/// One reading of the performance counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Ticks since an arbitrary start.
    pub ticks: u64,
    /// Ticks in a second; it never changes while the system is up.
    pub frequency: u64,
}

impl Counter {
    /// Nanoseconds from `earlier` to `self`: rounded down, `u64::MAX` where they do not fit, 0 for a
    /// counter without a frequency or one that ran backwards.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        const NANOSECONDS: u64 = 1_000_000_000;
        let elapsed = self.ticks.saturating_sub(earlier.ticks);
        // Whole seconds apart from the rest, so that the product fits for decades of uptime.
        let seconds = elapsed.checked_div(self.frequency).unwrap_or(0);
        let rest = elapsed.checked_rem(self.frequency).unwrap_or(0);
        let rest = rest.saturating_mul(NANOSECONDS).checked_div(self.frequency).unwrap_or(0);
        seconds.saturating_mul(NANOSECONDS).saturating_add(rest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nanoseconds(from: u64, to: u64, frequency: u64) -> u64 {
        Counter { ticks: to, frequency }.since(Counter { ticks: from, frequency })
    }

    #[test]
    fn counts_at_the_frequencies_windows_uses() {
        assert_eq!(nanoseconds(5, 15, 10_000_000), 1_000);
        assert_eq!(nanoseconds(0, 3, 3_579_545), 838);
        assert_eq!(nanoseconds(0, 10_000_000 * 86_400 * 365, 10_000_000), 31_536_000_000_000_000);
    }

    #[test]
    fn a_broken_counter_is_no_time_at_all() {
        assert_eq!(nanoseconds(0, 10, 0), 0);
        assert_eq!(nanoseconds(10, 0, 1), 0);
        assert_eq!(nanoseconds(0, u64::MAX, 1), u64::MAX);
    }

    proptest! {
        #[test]
        fn agrees_with_wide_arithmetic(ticks in any::<u64>(), frequency in 1..18_000_000_000_u64) {
            let exact = u128::from(ticks) * 1_000_000_000 / u128::from(frequency);
            prop_assert_eq!(nanoseconds(0, ticks, frequency), u64::try_from(exact).unwrap_or(u64::MAX));
        }
    }
}
