//! Wishes to the memory manager. They concern the whole system; none of them is documented to touch
//! the pages of drivers.
//!
//! Documented: `SetSystemFileCacheSize`
//! (learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-setsystemfilecachesize), for the
//! file cache. Undocumented: the commands of `SystemMemoryListInformation`, class 80
//! (github.com/winsiderss/phnt, `ntexapi.h`).

use windows_sys::Win32::System::Memory::SetSystemFileCacheSize;

use super::{done, native, pressure, token};
use crate::error::Error;
use crate::machine::{Asked, How};
use crate::status::NtStatus;

const CLASS: i32 = 80;

/// A command of the memory lists.
struct Command {
    word: u32,
    call: &'static str,
    effect: &'static str,
}

const EMPTY_WORKING_SETS: Command = Command {
    word: 2,
    call: "NtSetSystemInformation(SystemMemoryListInformation, MemoryEmptyWorkingSets)",
    effect: "empties working sets; whether the one with drivers is among them is not said anywhere",
};
const FLUSH_MODIFIED: Command = Command {
    word: 3,
    call: "NtSetSystemInformation(SystemMemoryListInformation, MemoryFlushModifiedList)",
    effect: "writes modified pages to the paging file",
};
const PURGE_STANDBY: Command = Command {
    word: 4,
    call: "NtSetSystemInformation(SystemMemoryListInformation, MemoryPurgeStandbyList)",
    effect: "gives up the memory of pages on the standby list",
};

/// Asks for it, step by step.
///
/// # Errors
/// [`Error::Win32`] where a privilege is missing; [`Error::Skipped`] where the system does not know
/// the undocumented class; [`Error::Native`].
pub fn trim(how: How) -> Result<Vec<Asked>, Error> {
    privileges()?;
    let mut asked = Vec::new();
    if matches!(how, How::Trim | How::Evict) {
        asked.push(flush_file_cache()?);
        asked.push(order(&EMPTY_WORKING_SETS)?);
    }
    if matches!(how, How::Purge | How::Evict) {
        asked.push(order(&FLUSH_MODIFIED)?);
        asked.push(order(&PURGE_STANDBY)?);
    }
    Ok(asked)
}

/// The means by number, each to be tried alone; the last one is no wish, but need.
pub fn try_means(number: usize) -> Option<Result<Asked, Error>> {
    let means: fn() -> Result<Asked, Error> = match number {
        0 => flush_file_cache,
        1 => || order(&EMPTY_WORKING_SETS),
        2 => || order(&FLUSH_MODIFIED),
        3 => || order(&PURGE_STANDBY),
        4 => pressure::fill_memory,
        _ => return None,
    };
    Some(privileges().and_then(|()| means()))
}

fn privileges() -> Result<(), Error> {
    token::enable("SeProfileSingleProcessPrivilege")?;
    token::enable("SeIncreaseQuotaPrivilege")
}

fn flush_file_cache() -> Result<Asked, Error> {
    const CALL: &str = "SetSystemFileCacheSize(-1, -1, 0)";
    // SAFETY: it takes numbers only; -1 for both asks to flush the cache.
    let result = unsafe { SetSystemFileCacheSize(usize::MAX, usize::MAX, 0) };
    done(result, CALL)?;
    Ok(Asked { call: CALL, effect: "flushes the file cache's working set", documented: true })
}

fn order(command: &Command) -> Result<Asked, Error> {
    match native::set(CLASS, "SystemMemoryListInformation", command.word) {
        Ok(()) => Ok(Asked { call: command.call, effect: command.effect, documented: false }),
        Err(Error::Native { status: NtStatus::INVALID_INFO_CLASS, operation }) => {
            Err(Error::Skipped(format!("this system does not know {operation}")))
        }
        Err(other) => Err(other),
    }
}
