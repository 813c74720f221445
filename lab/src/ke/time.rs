//! Clocks.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::ke::processor;
use crate::ke::schedule::{self, clock};

/// Units of 100 ns in a second.
const UNITS: u64 = 10_000_000;

/// Seconds from 1601-01-01, where NT's time begins, to 1970-01-01.
const UNIX_EPOCH_SECONDS: u64 = 11_644_473_600;

/// What the performance counter counts in a second: 10 MHz, as on Windows 10 and 11
/// (learn.microsoft.com/windows/win32/sysinfo/acquiring-high-resolution-time-stamps).
const PERFORMANCE_FREQUENCY: i64 = 10_000_000;

/// The machine's system time: units of 100 ns since 1601.
#[must_use]
pub fn system_time() -> i64 {
    if schedule::on() {
        return clock::system_time();
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let units = since.as_nanos() / 100 + u128::from(UNIX_EPOCH_SECONDS * UNITS);
    i64::try_from(units).unwrap_or(i64::MAX)
}

/// Since the machine booted, or rather since it was first asked.
fn uptime() -> Duration {
    static BOOT: OnceLock<Instant> = OnceLock::new();
    clock::now().saturating_duration_since(*BOOT.get_or_init(clock::now))
}

fn units(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos() / 100).unwrap_or(u64::MAX)
}

/// When a due time comes: negative an interval, else a system time, in units of 100 ns.
pub(crate) fn due(time: i64) -> Instant {
    let from_now = if time < 0 {
        time.unsigned_abs()
    } else {
        time.saturating_sub(system_time()).max(0).unsigned_abs()
    };
    let now = clock::now();
    let interval = Duration::new(from_now / UNITS, (from_now % UNITS) as u32 * 100);
    // Beyond what the host's clock can hold is a century: never, for a machine.
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    now.checked_add(interval).unwrap_or_else(|| now + CENTURY)
}

/// The performance counter; its frequency goes to `frequency`, unless that is null.
///
/// Page: wdm/nf-wdm-kequeryperformancecounter. `LARGE_INTEGER` is returned as the 64-bit number
/// it is: eight bytes come back in a register.
///
/// # IRQL
/// Any.
///
/// # Safety
/// `frequency` is null or can be written.
pub unsafe extern "win64" fn KeQueryPerformanceCounter(frequency: *mut i64) -> i64 {
    if !frequency.is_null() {
        // SAFETY: the caller vouches for it.
        unsafe { frequency.write(PERFORMANCE_FREQUENCY) };
    }
    units(uptime()) as i64
}

/// The system time.
///
/// Page: wdm/nf-wdm-kequerysystemtimeprecise.
///
/// # IRQL
/// Any.
///
/// # Safety
/// `time` can be written.
pub unsafe extern "win64" fn KeQuerySystemTimePrecise(time: *mut i64) {
    // SAFETY: the caller vouches for it.
    unsafe { time.write(system_time()) };
}

/// Units of 100 ns since the machine booted.
///
/// Page: wdm/nf-wdm-kequeryinterrupttime.
///
/// # IRQL
/// Any.
pub extern "win64" fn KeQueryInterruptTime() -> u64 {
    units(uptime())
}

/// Units of 100 ns since the machine booted; the performance counter goes to `counter`.
///
/// Page: wdm/nf-wdm-kequeryinterrupttimeprecise.
///
/// # IRQL
/// Any.
///
/// # Safety
/// `counter` can be written.
pub unsafe extern "win64" fn KeQueryInterruptTimePrecise(counter: *mut u64) -> u64 {
    let now = units(uptime());
    // SAFETY: the caller vouches for it.
    unsafe { counter.write(now) };
    now
}

/// Units of 100 ns since the machine booted, sleep left out: the lab never sleeps.
///
/// Page: wdm/nf-wdm-kequeryunbiasedinterrupttime.
///
/// # IRQL
/// Any.
pub extern "win64" fn KeQueryUnbiasedInterruptTime() -> u64 {
    units(uptime())
}

/// Units of 100 ns between two ticks of the clock: 15.625 ms, the usual figure of Windows.
///
/// Page: wdm/nf-wdm-kequerytimeincrement.
///
/// # IRQL
/// Any.
pub extern "win64" fn KeQueryTimeIncrement() -> u32 {
    156_250
}

/// Spins for so many microseconds.
///
/// Page: wdm/nf-wdm-kestallexecutionprocessor.
///
/// # IRQL
/// Any.
pub extern "win64" fn KeStallExecutionProcessor(microseconds: u32) {
    let interval = Duration::from_micros(u64::from(microseconds));
    if schedule::on() {
        return schedule::pass_time(interval);
    }
    let until = Instant::now() + interval;
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}

/// The number of the virtual processor; group and number in the group go to `number`, unless that
/// is null: groups have 64 processors.
///
/// Page: wdm/nf-wdm-kegetcurrentprocessornumberex.
///
/// # IRQL
/// Any.
///
/// # Safety
/// `number` is null or points to a `PROCESSOR_NUMBER`.
pub unsafe extern "win64" fn KeGetCurrentProcessorNumberEx(
    number: *mut pagewise_lab_nt::PROCESSOR_NUMBER,
) -> u32 {
    let index = processor::attached_number();
    if !number.is_null() {
        // SAFETY: the caller vouches for it.
        let number = unsafe { &mut *number };
        number.Group = (index / 64) as u16;
        number.Number = (index % 64) as u8;
        number.Reserved = 0;
    }
    index
}

crate::exports! {
    /// Clocks.
    pub EXPORTS = [
        KeQueryPerformanceCounter(_),
        KeQuerySystemTimePrecise(_),
        KeQueryInterruptTime(),
        KeQueryInterruptTimePrecise(_),
        KeQueryUnbiasedInterruptTime(),
        KeQueryTimeIncrement(),
        KeStallExecutionProcessor(_),
        KeGetCurrentProcessorNumberEx(_),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_time_is_the_hosts() {
        let host = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let seconds = system_time() as u64 / UNITS - UNIX_EPOCH_SECONDS;
        assert!(seconds - host <= 1);
    }

    #[test]
    fn due_times_are_intervals_or_dates() {
        let now = Instant::now();
        let second = due(-10_000_000) - now;
        assert!(second >= Duration::from_secs(1) && second < Duration::from_secs(2));
        let date = due(system_time() + 20_000_000) - now;
        assert!(date > Duration::from_millis(1900) && date < Duration::from_millis(2100));
        assert!(due(1) <= Instant::now());
        assert!(due(i64::MIN) > now + Duration::from_secs(1000));
        assert!(due(i64::MAX) > now + Duration::from_secs(1000));
    }

    #[test]
    fn the_counter_counts_at_its_frequency() {
        let mut frequency = 0;
        // SAFETY: it can be written.
        let before = unsafe { KeQueryPerformanceCounter(&raw mut frequency) };
        let host = Instant::now();
        KeStallExecutionProcessor(20_000);
        // SAFETY: null is allowed.
        let after = unsafe { KeQueryPerformanceCounter(std::ptr::null_mut()) };
        let counted = (after - before) as f64 / frequency as f64;
        assert!(counted >= 0.02);
        assert!(counted <= host.elapsed().as_secs_f64() + 0.005);
    }
}
