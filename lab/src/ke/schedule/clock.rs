//! The machine's clock. With one processor it is the schedule's, and moves only when that says so.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the schedule's clock counts from.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds since then. Written by whoever decides.
static NOW: AtomicU64 = AtomicU64::new(0);

/// Seconds from 1601-01-01 to 2026-01-01: when a machine with a schedule boots, whenever it does.
const BOOT_SECONDS: i64 = 13_411_699_200;

/// Units of 100 ns in a second.
const UNITS: i64 = 10_000_000;

/// The time: the host's, or that of the schedule.
#[must_use]
pub(crate) fn now() -> Instant {
    if super::on() { at(since_boot()) } else { Instant::now() }
}

/// Since the machine booted, by the schedule's clock.
fn since_boot() -> Duration {
    Duration::from_nanos(NOW.load(Ordering::Relaxed))
}

/// When so much will have passed since the machine booted.
fn at(since: Duration) -> Instant {
    *START + since
}

/// How long after its boot a time comes.
pub(super) fn of(time: Instant) -> Duration {
    time.saturating_duration_since(*START)
}

/// Has the clock show a time.
pub(super) fn show(time: Duration) {
    NOW.store(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// The system time by the schedule's clock, in units of 100 ns since 1601.
pub(crate) fn system_time() -> i64 {
    let since = i64::try_from(since_boot().as_nanos() / 100).unwrap_or(i64::MAX);
    (BOOT_SECONDS * UNITS).saturating_add(since)
}
