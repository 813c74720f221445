//! Wrong input of every kind: refused with the documented status, and nothing changes.

mod random;
mod values;

use pagewise_contract::{FILE_DEVICE_UNKNOWN, Ioctl};

use crate::status::NtStatus;
use crate::verify::check::{Check, Verdict, ensure_eq, refused};
use crate::verify::context::Context;
use crate::verify::requests::{Witness, as_linked};

pub const CHECKS: &[Check] = &[
    Check { id: "input.short", title: "a request that is too short is refused", run: short },
    Check { id: "input.long", title: "a request that is too long is refused", run: long },
    Check {
        id: "input.no-room",
        title: "a buffer that the answer does not fit into is refused",
        run: no_room,
    },
    Check {
        id: "input.room-to-spare",
        title: "a larger buffer is fine, and the answer no longer",
        run: room_to_spare,
    },
    Check {
        id: "input.unknown-codes",
        title: "a code that the contract does not have is refused",
        run: unknown_codes,
    },
    Check {
        id: "input.values",
        title: "values out of range, empty ranges, nonsense: refused by name",
        run: values::values,
    },
    Check {
        id: "input.random",
        title: "thousands of random requests end as the contract says",
        run: random::random,
    },
];

fn short(context: &Context) -> Verdict {
    let (mut driver, requests) = as_linked(context)?;
    let mut witness = Witness::of(context)?;
    for ioctl in Ioctl::ALL {
        let (input, room) = requests.valid(ioctl);
        for length in 0..input.len() {
            let what = format!("{} with {length} bytes of {}", ioctl.name(), input.len());
            let (code, wanted) = (ioctl.code(), NtStatus::BUFFER_TOO_SMALL);
            refused(driver.handle(), code, &input[..length], room, wanted, &what)?;
        }
    }
    witness.ensure_unchanged("short requests")
}

fn long(context: &Context) -> Verdict {
    let (mut driver, requests) = as_linked(context)?;
    let mut witness = Witness::of(context)?;
    for ioctl in Ioctl::ALL {
        let (input, room) = requests.valid(ioctl);
        for extra in [1, 4, 8, 4096] {
            let mut longer = input.clone();
            longer.resize(input.len() + extra, 0);
            let what = format!("{} with {extra} bytes too many", ioctl.name());
            let (code, wanted) = (ioctl.code(), NtStatus::INVALID_BUFFER_SIZE);
            refused(driver.handle(), code, &longer, room, wanted, &what)?;
        }
    }
    witness.ensure_unchanged("long requests")
}

fn no_room(context: &Context) -> Verdict {
    let (mut driver, requests) = as_linked(context)?;
    let mut witness = Witness::of(context)?;
    for ioctl in Ioctl::ALL {
        let (input, room) = requests.valid(ioctl);
        let mut less = vec![0, 1, room / 2, room.saturating_sub(1)];
        less.retain(|less| *less < room);
        for less in less {
            let what = format!("{} with room for {less} bytes of {room}", ioctl.name());
            let wanted = NtStatus::BUFFER_TOO_SMALL;
            refused(driver.handle(), ioctl.code(), &input, less, wanted, &what)?;
        }
    }
    witness.ensure_unchanged("requests without room for their answer")
}

fn room_to_spare(context: &Context) -> Verdict {
    let (mut driver, requests) = as_linked(context)?;
    for ioctl in Ioctl::ALL {
        let (input, room) = requests.valid(ioctl);
        for more in [room, room + 1, room + 4096] {
            let reply = driver
                .handle()
                .ioctl(ioctl.code(), &input, more)
                .map_err(|failure| crate::error::Error::of_request(ioctl.name(), failure))?;
            ensure_eq!(reply.len(), room as usize, "{} with room for {more}", ioctl.name());
            if ioctl == Ioctl::Lock {
                let (unlock, room) = requests.valid(Ioctl::Unlock);
                driver.handle().ioctl(Ioctl::Unlock.code(), &unlock, room)?;
                driver.handle().ioctl(ioctl.code(), &input, more)?;
            }
        }
    }
    Ok(())
}

fn unknown_codes(context: &Context) -> Verdict {
    let (mut driver, requests) = as_linked(context)?;
    let mut witness = Witness::of(context)?;
    let mut codes = Vec::new();
    for ioctl in Ioctl::ALL {
        let code = ioctl.code();
        // The other methods, the other access bits, another device type.
        codes.extend((1..4).map(|method| code | method));
        codes.extend((0..4).map(|access| code & !(3 << 14) | access << 14));
        codes.push(code ^ (FILE_DEVICE_UNKNOWN ^ 0x8000) << 16);
    }
    // Functions before, between and after, up to the last there is.
    let functions = [0, 1, 0x7ff, 0x80a, 0x80b, 0x8ff, 0xfff];
    codes.extend(functions.map(|function| FILE_DEVICE_UNKNOWN << 16 | 3 << 14 | function << 2));
    codes.retain(|code| Ioctl::from_code(*code).is_none());
    let (input, _) = requests.valid(Ioctl::Touch);
    for code in codes {
        // Codes of other methods without buffers, which the I/O manager would look into itself.
        let (input, room): (&[u8], _) = if code & 3 == 0 { (&input, 64) } else { (&[], 0) };
        let what = format!("control code {code:#010x}");
        let wanted = NtStatus::INVALID_DEVICE_REQUEST;
        refused(driver.handle(), code, input, room, wanted, &what)?;
    }
    witness.ensure_unchanged("unknown codes")
}
