//! The last requests: each IRP from its sender to its completion.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

use pagewise_lab_nt as nt;
use pagewise_lab_wire::{ControlCode, Outcome, Request};

use super::clock::{self, Scale};
use super::functions;
use super::ring::{Record, Ring};
use crate::io::{Device, Irp, StackLocation};
use crate::ke::irql;

/// As many as are kept.
const KEPT: usize = 64;

const SENT: usize = 0;
const IRP: usize = 1;
const DRIVER: usize = 2;
const FILE: usize = 3;
/// Major function, minor function, client, control code: 8, 8, 16 and 32 bits.
const FUNCTION: usize = 4;
/// Bytes of input, of output: 32 bits each.
const LENGTHS: usize = 5;
const PROCESSOR: usize = 6;
/// Status; whether it is complete; the low bits of the record's number, so that the end of one
/// request is never written to another's record.
const STATE: usize = 7;
const INFORMATION: usize = 8;
const COMPLETED: usize = 9;
const WORDS: usize = 10;

const DONE: u64 = 1 << 32;

static REQUESTS: Ring<KEPT, WORDS> = Ring::new();

static CLIENTS: AtomicU32 = AtomicU32::new(0);

thread_local! {
    /// 0 where the thread is no client's.
    static CLIENT: Cell<u16> = const { Cell::new(0) };
}

/// This thread sends the requests of a client of its own from now on.
pub(crate) fn serve_client() {
    CLIENT.set((CLIENTS.fetch_add(1, Ordering::Relaxed) + 1) as u16);
}

const fn in_progress(number: u64) -> u64 {
    number << 33
}

/// The sender of `irp` has given it to the driver of `device`, for which `location` is.
#[inline]
pub(crate) fn sent(irp: Irp, location: StackLocation, device: Device) {
    let major = location.major();
    let (code, lengths) = match u32::from(major) {
        nt::IRP_MJ_DEVICE_CONTROL | nt::IRP_MJ_INTERNAL_DEVICE_CONTROL => {
            let lengths =
                u64::from(location.input_length()) | u64::from(location.output_length()) << 32;
            (location.control_code(), lengths)
        }
        nt::IRP_MJ_READ => (0, u64::from(location.transfer_length()) << 32),
        nt::IRP_MJ_WRITE => (0, u64::from(location.transfer_length())),
        _ => (0, 0),
    };
    let function = u64::from(code) << 32
        | u64::from(CLIENT.get()) << 16
        | u64::from(location.minor()) << 8
        | u64::from(major);
    let driver = device.driver().entry().map_or(0, |entry| entry as *const () as u64);
    let file = location.file().addr() as u64;
    let processor = irql::processor().into();
    let (address, now) = (irp.address(), clock::ticks());
    REQUESTS.push(|number| {
        [now, address, driver, file, function, lengths, processor, in_progress(number), 0, 0]
    });
}

/// Every driver is done with `irp`.
#[inline]
pub(crate) fn completed(irp: Irp) {
    let address = irp.address();
    let found = REQUESTS.newest(|number, words| {
        words[IRP].load(Ordering::Relaxed) == address
            && words[STATE].load(Ordering::Relaxed) == in_progress(number)
    });
    let Some(words) = found else { return };
    let before = words[STATE].load(Ordering::Relaxed);
    if before & DONE != 0 {
        return;
    }
    let after = before | DONE | u64::from(irp.status().cast_unsigned());
    let now = clock::ticks();
    let changed =
        words[STATE].compare_exchange(before, after, Ordering::Release, Ordering::Relaxed);
    if changed.is_ok() {
        words[INFORMATION].store(irp.information(), Ordering::Relaxed);
        words[COMPLETED].store(now, Ordering::Relaxed);
    }
}

/// The requests that are kept, oldest first. `name` is that of the image that holds an address.
pub(crate) fn last(name: impl Fn(u64) -> Option<String>) -> Vec<Request> {
    let scale = Scale::now();
    REQUESTS.records().into_iter().map(|record| told(record, scale, &name)).collect()
}

fn told(
    (number, words): Record<WORDS>,
    scale: Scale,
    name: &impl Fn(u64) -> Option<String>,
) -> Request {
    let function = words[FUNCTION];
    let (major, minor) = (function as u8, (function >> 8) as u8);
    let is_control =
        matches!(u32::from(major), nt::IRP_MJ_DEVICE_CONTROL | nt::IRP_MJ_INTERNAL_DEVICE_CONTROL);
    let client = (function >> 16) as u16;
    let outcome = (words[STATE] & DONE != 0).then(|| Outcome {
        status: words[STATE] as u32,
        information: words[INFORMATION],
        took_us: scale.micros(words[SENT], words[COMPLETED]),
    });
    Request {
        number,
        before_us: scale.since(words[SENT]),
        function: functions::name(major, minor),
        control: is_control.then(|| ControlCode::new((function >> 32) as u32)),
        driver: name(words[DRIVER]).unwrap_or_else(|| crate::exports::KERNEL.to_owned()),
        irp: words[IRP],
        file: words[FILE],
        client: (client != 0).then_some(client.into()),
        processor: words[PROCESSOR] as u32,
        input: words[LENGTHS] as u32,
        output: (words[LENGTHS] >> 32) as u32,
        outcome,
    }
}
