//! Numbers that look like chance and follow from a seed.

/// The number at place `number` of the sequence that belongs to `seed` (the finaliser of SplitMix64).
#[must_use]
pub(crate) fn mix(seed: u64, number: u64) -> u64 {
    let mut value = seed.wrapping_add((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

/// A sequence of such numbers.
#[derive(Debug)]
pub(crate) struct Chance {
    seed: u64,
    drawn: u64,
}

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// A number below `limit`; 0 where that is 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        let number = mix(self.seed, self.drawn);
        self.drawn += 1;
        number.checked_rem(limit).unwrap_or_default()
    }

    /// True one time in so many; never for 0.
    pub(crate) fn one_in(&mut self, many: u64) -> bool {
        many != 0 && self.below(many) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(seed: u64) -> Vec<u64> {
        let mut chance = Chance::new(seed);
        (0..1_000).map(|_| chance.below(10)).collect()
    }

    #[test]
    fn a_sequence_follows_from_its_seed() {
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn every_number_comes_about_as_often() {
        let numbers = draw(7);
        for wanted in 0..10 {
            let count = numbers.iter().filter(|&&number| number == wanted).count();
            assert!((70..130).contains(&count), "{wanted} came {count} times");
        }
    }

    #[test]
    fn one_in_none_is_never() {
        let mut chance = Chance::new(7);
        assert!((0..100).all(|_| !chance.one_in(0)));
        assert!((0..100).all(|_| chance.one_in(1)));
        assert_eq!(chance.below(0), 0);
    }
}
