//! Calls of drivers into the machine, looked at on their way.
//!
//! A driver's import of a routine that has a rule is bound to a few instructions of its own, which
//! go on to the routine at once while nothing is to be looked at: a load and a branch that is never
//! taken. So every routine is checked in one place, by what its page says ([`table`]).

mod code;
mod failure;
mod object;
mod scheduled;
pub(crate) mod table;

pub(crate) use code::entry;
pub(crate) use scheduled::{frame_of_driver, leave as leave_schedule};

use std::collections::HashSet;
use std::ffi::CString;
use std::sync::{Mutex, PoisonError};

use super::{Check, low_resources, on};
use crate::bugcheck::{DRIVER_VERIFIER_DETECTED_VIOLATION, bug_check};
use crate::ke::irql;
use failure::Failure;
use object::Use;
use table::Row;

/// The IRQLs at which a routine may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// Any that the memory it is given allows.
    Any,
    AtMost(u8),
    AtLeast(u8),
    Exactly(u8),
    /// The routine looks for itself, as it depends on its arguments, or a code of its own is
    /// documented.
    Own,
}

impl Allowed {
    const fn allows(self, irql: u8) -> bool {
        match self {
            Self::Any | Self::Own => true,
            Self::AtMost(limit) => irql <= limit,
            Self::AtLeast(limit) => irql >= limit,
            Self::Exactly(only) => irql == only,
        }
    }

    fn words(self) -> String {
        match self {
            Self::Any | Self::Own => "at any IRQL".to_owned(),
            Self::AtMost(limit) => format!("at IRQL <= {limit}"),
            Self::AtLeast(limit) => format!("at IRQL >= {limit}"),
            Self::Exactly(only) => format!("at IRQL {only}"),
        }
    }
}

/// A routine that is looked at.
struct Routine {
    row: &'static Row,
    failure: Option<Failure>,
    object: Option<Use>,
    target: usize,
}

/// Looks at a call; `frame` is where its return address is. The address to go on at: the routine's,
/// or that of one which fails in its place.
extern "win64" fn look(index: u32, frame: usize) -> usize {
    let Some(routine) = code::routine(index) else { return 0 };
    let irql = irql::current();
    if on(Check::DdiCompliance) && !routine.row.allowed.allows(irql) {
        violation(routine.row, irql);
    }
    if let Some(object) = routine.object {
        object.look(frame);
    }
    match routine.failure {
        Some(failure) if failure.is_possible(frame) && low_resources::fails(Some(frame)) => {
            failure.routine()
        }
        _ => routine.target,
    }
}

/// `0xC4/0xE5`: "a call was made to a kernel API at the incorrect IRQL", where no rule has a number.
const INCORRECT_IRQL: u64 = 0xE5;

#[cold]
fn violation(row: &Row, irql: u8) -> ! {
    let (header, page) = row.page;
    let text = format!(
        "{} may be called {} only ({header}/nf-{header}-{page}), and was at {irql}",
        row.name,
        row.allowed.words(),
    );
    let text = remember(&text);
    let parameters = match row.rule {
        Some(rule) => [rule.into(), text, 0, 0],
        // The page has the IRQL in the second parameter, and the others are reserved.
        None => [INCORRECT_IRQL, irql.into(), text, 0],
    };
    bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, parameters)
}

/// Texts that parameters of bug checks point to.
static TEXTS: Mutex<Option<HashSet<u64>>> = Mutex::new(None);

/// Keeps a text for good; its address.
pub(crate) fn remember(text: &str) -> u64 {
    let text = CString::new(text).unwrap_or_default();
    let address = text.into_raw().expose_provenance() as u64;
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    texts.get_or_insert_default().insert(address);
    address
}

/// The text that [`remember`] keeps at `address`.
pub(crate) fn text_at(address: u64) -> Option<String> {
    let texts = TEXTS.try_lock().ok()?;
    texts.as_ref()?.get(&address)?;
    let text = std::ptr::with_exposed_provenance(address as usize);
    // SAFETY: a C string that was kept, and is never freed or changed.
    let text = unsafe { std::ffi::CStr::from_ptr(text) };
    Some(text.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests;
