//! What a report tells of the time before a bug check.

use serde::{Deserialize, Serialize};

use crate::{Frame, PageState};

/// An address and its page, as they were at the time of the bug check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The address.
    pub address: u64,
    /// What holds it.
    pub holder: Holder,
    /// State of the page; nothing where the machine does not page what holds it.
    pub state: Option<PageState>,
    /// Why there is no page any more, or not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<Gone>,
    /// Number of the page, counted from the first of what holds it.
    pub number: u32,
    /// What its section allows, such as `r-x`.
    pub protection: String,
    /// Whether the memory manager could take it.
    pub pageable: bool,
    /// Whether `MmPageEntireDriver` was in effect.
    pub overridden: bool,
    /// Locks on its section.
    pub locks: u32,
}

/// What holds an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// A loaded image.
    Image,
    /// An image that was unloaded.
    UnloadedImage,
    /// Paged pool.
    PagedPool,
    /// Special pool.
    SpecialPool,
    /// Nothing that the memory manager knows.
    Nothing,
}

/// Why a page is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gone {
    /// It was given back with its discardable section, after `DriverEntry`.
    Discarded,
    /// It was given back: a block of pool was freed, an image was unloaded.
    Freed,
    /// There has never been one.
    Never,
}

/// An I/O request packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Counted from the first of the machine.
    pub number: u64,
    /// Microseconds before the bug check at which it was sent.
    pub before_us: u64,
    /// Its major function, such as `IRP_MJ_DEVICE_CONTROL`, with the minor one where that says more.
    pub function: String,
    /// The control code, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ControlCode>,
    /// File name of the driver that it was sent to: the one of the top device.
    pub driver: String,
    /// Address of the IRP.
    pub irp: u64,
    /// Address of the file object; 0 where there is none.
    pub file: u64,
    /// The client, counted from 1; nothing where it is the machine's own or a driver's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<u32>,
    /// Number of the processor that sent it.
    pub processor: u32,
    /// Bytes of input.
    pub input: u32,
    /// Bytes of room for output.
    pub output: u32,
    /// How it ended; nothing while it is in progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// NTSTATUS
    pub status: u32,
    /// `IoStatus.Information`
    pub information: u64,
    /// Microseconds that it took.
    pub took_us: u64,
}

/// A control code and its parts
/// (learn.microsoft.com/windows-hardware/drivers/kernel/defining-i-o-control-codes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlCode {
    /// The code.
    pub code: u32,
    /// `DeviceType`, `FILE_DEVICE_*`.
    pub device_type: u16,
    /// `FunctionCode`
    pub function: u16,
    /// `TransferType`: 0 buffered, 1 in direct, 2 out direct, 3 neither.
    pub method: u8,
    /// `RequiredAccess`: 0 any, 1 read, 2 write, 3 both.
    pub access: u8,
}

impl ControlCode {
    /// Takes a code apart.
    #[must_use]
    pub const fn new(code: u32) -> Self {
        Self {
            code,
            device_type: (code >> 16) as u16,
            function: (code >> 2 & 0xfff) as u16,
            method: (code & 3) as u8,
            access: (code >> 14 & 3) as u8,
        }
    }
}

/// Something that was done about pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PagingAction {
    /// Counted from the first of the machine.
    pub number: u64,
    /// Microseconds before the bug check.
    pub before_us: u64,
    /// What was done.
    pub action: Paging,
    /// Pages that it moved.
    pub pages: u64,
    /// Where: the address referenced, or the one that the routine was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Frame>,
    /// Section of the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// Who asked: the instruction that faulted, or the call of the routine. Nothing where it was a
    /// client of the lab, or the machine itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Frame>,
    /// IRQL of the processor.
    pub irql: u8,
    /// Number of the processor.
    pub processor: u32,
}

/// Kinds of [`PagingAction`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paging {
    /// A client of the lab had every pageable page taken out of its working set.
    Trim,
    /// A client of the lab had what is out of its working set written to the paging file.
    Purge,
    /// A raise of the IRQL, under force IRQL checking, took every pageable page.
    ForcedTrim,
    /// The same, and to the paging file.
    ForcedPurge,
    /// A reference brought a page in that was in memory still.
    SoftFault,
    /// A reference brought a page in from the paging file.
    HardFault,
    /// `MmPageEntireDriver`
    PageEntire,
    /// `MmResetDriverPaging`
    Reset,
    /// `MmLockPagableDataSection`, `MmLockPagableSectionByHandle`
    Lock,
    /// `MmUnlockPagableImageSection`
    Unlock,
    /// The discardable sections of an image were given back.
    Discard,
    /// The schedule had pages taken, by its seed.
    Scheduled,
}

impl Paging {
    /// In words, as the beginning of a line.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Trim => "a client had all trimmed",
            Self::Purge => "a client had all purged",
            Self::ForcedTrim => "a raise of the IRQL trimmed all",
            Self::ForcedPurge => "a raise of the IRQL evicted all",
            Self::SoftFault => "soft fault",
            Self::HardFault => "hard fault",
            Self::PageEntire => "MmPageEntireDriver",
            Self::Reset => "MmResetDriverPaging",
            Self::Lock => "section locked",
            Self::Unlock => "section unlocked",
            Self::Discard => "discardable sections freed",
            Self::Scheduled => "the schedule evicted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_code_is_taken_apart_and_can_be_put_together_again() {
        let of = |code| {
            let ControlCode { device_type, function, method, access, .. } = ControlCode::new(code);
            (device_type, function, method, access)
        };
        assert_eq!(of(0x0022_e00b), (0x22, 0x802, 3, 3));
        for code in [0, 0x0022_2000, 0x8000_6004, u32::MAX] {
            let (device, function, method, access) = of(code);
            let parts = [(u32::from(device), 16), (access.into(), 14), (function.into(), 2)];
            let whole = parts.iter().fold(u32::from(method), |code, (part, at)| code | part << at);
            assert_eq!(whole, code);
        }
    }
}
