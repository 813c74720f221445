//! Medians, and two measurements taken in turn.

use anyhow::Result;

/// A measurement beside its baseline.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Paired {
    /// Median of the subject.
    pub subject: f64,
    /// Median of the baseline.
    pub baseline: f64,
    /// Median of the ratios, round by round.
    pub ratio: f64,
}

/// The median; of an even number of values, the upper one. Zero of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Measures both in turn, `rounds` times; which goes first alternates.
pub fn in_turn(
    rounds: usize,
    mut subject: impl FnMut() -> Result<f64>,
    mut baseline: impl FnMut() -> Result<f64>,
) -> Result<Paired> {
    let mut pairs = Vec::with_capacity(rounds);
    for round in 0..rounds {
        pairs.push(if round % 2 == 0 {
            let subject = subject()?;
            (subject, baseline()?)
        } else {
            let baseline = baseline()?;
            (subject()?, baseline)
        });
    }
    Ok(Paired {
        subject: median(pairs.iter().map(|pair| pair.0).collect()),
        baseline: median(pairs.iter().map(|pair| pair.1).collect()),
        ratio: median(pairs.iter().map(|pair| pair.0 / pair.1).collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outlier_moves_no_median() {
        assert!((median(vec![3.0, 1.0, 1000.0]) - 3.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).abs() < f64::EPSILON);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let (mut fast, mut slow) = ([1.0, 10.0, 100.0].iter(), [2.0, 20.0, 200.0].iter());
        let paired =
            in_turn(3, || Ok(*slow.next().unwrap()), || Ok(*fast.next().unwrap())).unwrap();
        assert_eq!(paired, Paired { subject: 20.0, baseline: 10.0, ratio: 2.0 });
    }
}
