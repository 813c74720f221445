//! When things happened: ticks of the processor's own counter, which cost less than a call of the
//! host. They are told apart from other clocks' only when a report is made.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A tick count and the time that it stands for.
#[derive(Clone, Copy, Debug)]
struct Moment {
    ticks: u64,
    time: Instant,
}

static START: OnceLock<Moment> = OnceLock::new();

/// The tick count now. Async-signal-safe.
#[inline]
pub(crate) fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has the instruction, and Linux lets processes use it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

fn now() -> Moment {
    Moment { ticks: ticks(), time: Instant::now() }
}

/// Begins the measurement of how long a tick is. More than once does nothing.
pub(crate) fn start() {
    START.get_or_init(now);
}

/// From ticks to time, as of now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    ticks: u64,
    micros_a_tick: f64,
}

impl Scale {
    /// As measured since [`start`].
    pub(crate) fn now() -> Self {
        let (start, now) = (*START.get_or_init(now), now());
        let micros = now.time.duration_since(start.time).as_secs_f64() * 1e6;
        let passed = now.ticks.saturating_sub(start.ticks);
        let micros_a_tick = if passed == 0 { 0.0 } else { micros / passed as f64 };
        Self { ticks: now.ticks, micros_a_tick }
    }

    /// Microseconds between two tick counts; 0 where the first is not before the second.
    pub(crate) fn micros(&self, from: u64, to: u64) -> u64 {
        (to.saturating_sub(from) as f64 * self.micros_a_tick) as u64
    }

    /// Microseconds that have passed since.
    pub(crate) fn since(&self, ticks: u64) -> u64 {
        self.micros(ticks, self.ticks)
    }
}

/// A duration for people.
pub(crate) fn in_words(micros: u64) -> String {
    if micros == 0 {
        return "<1µs".to_owned();
    }
    let time = Duration::from_micros(micros);
    format!("{time:.1?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_told_as_time() {
        start();
        let before = ticks();
        std::thread::sleep(Duration::from_millis(30));
        let passed = Scale::now().since(before);
        assert!((25_000..1_000_000).contains(&passed), "{passed} µs");
        assert_eq!(Scale::now().micros(5, 4), 0);
        assert_eq!(in_words(1_234_567), "1.2s");
        assert_eq!([0, 7].map(in_words), ["<1µs", "7.0µs"]);
    }
}
