//! What only the lab can do, out of band of any device.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{AllocationSite, Verifier};

/// A command to the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Control {
    /// Load the driver and run its `DriverEntry`.
    Load,
    /// Unload the driver: `DriverUnload`, then its image and its section locks go.
    Unload,
    /// Enumerate the root device: `AddDevice`, `IRP_MN_START_DEVICE`.
    Plug,
    /// Remove it: `IRP_MN_QUERY_REMOVE_DEVICE` and `IRP_MN_REMOVE_DEVICE`, or
    /// `IRP_MN_SURPRISE_REMOVAL` and then, once the last handle is closed,
    /// `IRP_MN_REMOVE_DEVICE`.
    Unplug {
        /// Pulled out rather than ejected.
        surprise: bool,
    },
    /// `IRP_MN_QUERY_STOP_DEVICE`, `IRP_MN_STOP_DEVICE` and `IRP_MN_START_DEVICE`, as a resource
    /// rebalance does.
    Rebalance,
    /// Let the bus fail the next `IRP_MN_START_DEVICE` with this NTSTATUS (0: no longer).
    FailStart {
        /// NTSTATUS of the failure.
        status: u32,
    },
    /// Take every valid pageable page out of its working set: it stays in memory, in transition.
    Trim,
    /// Write every page in transition to the paging file and give up its memory.
    Purge,
    /// [`Control::Trim`], then [`Control::Purge`].
    Evict,
    /// The loaded images.
    Images,
    /// The true state of each page of an image.
    Pages {
        /// File name of the image, such as `pagewise.sys`.
        image: String,
    },
    /// The true content of pages, in memory or in the paging file, read without disturbing them.
    Contents {
        /// File name of the image.
        image: String,
        /// First page, counted from the image base.
        first_page: u32,
        /// How many.
        pages: u32,
    },
    /// Set Driver Verifier's part of the machine. What the machine was started with stays on.
    Verify(Verifier),
    /// What was counted so far.
    Counters,
    /// Pool blocks that are allocated at present.
    Pool,
    /// The places that allocate and were failed once, where the verifier fails each place once.
    AllocationSites,
    /// Choose what an undocumented outcome shall be.
    SetPolicy {
        /// Name of the policy, as `docs/policies.md` lists it.
        name: String,
        /// One of its values.
        value: String,
    },
    /// What a debugger of the host needs to know.
    Process,
    /// Unload everything and end the process.
    Shutdown,
}

/// The answer to a [`Control`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reply")]
pub enum ControlReply {
    /// Done; an NTSTATUS where the command ran driver code, else 0.
    Done {
        /// NTSTATUS of what was run.
        status: u32,
    },
    /// The command could not be carried out.
    Failed {
        /// Why, and what to do.
        message: String,
    },
    /// Pages that a trim or a purge moved.
    Moved {
        /// How many.
        pages: u64,
    },
    /// Answer to [`Control::Images`].
    Images {
        /// In load order.
        images: Vec<ImageInfo>,
    },
    /// Answer to [`Control::Pages`].
    Pages {
        /// One a page, from the headers on.
        pages: Vec<PageTruth>,
    },
    /// Answer to [`Control::Contents`].
    Contents {
        /// The bytes, page after page.
        bytes: Vec<u8>,
    },
    /// Answer to [`Control::Counters`].
    Counters(Counters),
    /// Answer to [`Control::Pool`].
    Pool {
        /// Every block.
        blocks: Vec<PoolBlock>,
    },
    /// Answer to [`Control::AllocationSites`].
    AllocationSites {
        /// Each place.
        sites: Vec<AllocationSite>,
    },
    /// Answer to [`Control::Process`].
    Process {
        /// The host's number of the machine's process.
        id: u32,
        /// In load order.
        images: Vec<MappedImage>,
    },
}

/// Where an image is mapped in the machine's process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedImage {
    /// The file it was loaded from.
    pub path: PathBuf,
    /// Address of its first byte.
    pub base: u64,
    /// Its bytes.
    pub size: u64,
}

/// Where a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageState {
    /// Mapped: a reference does not fault.
    Valid,
    /// Out of the working set, still in memory: a reference is a soft fault.
    Transition,
    /// In the paging file only: a reference is a hard fault.
    OnDisk,
    /// Given back for good: a reference is a bug check at any IRQL.
    Freed,
}

/// The truth about one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageTruth {
    /// Where it is.
    pub state: PageState,
    /// Whether the memory manager may take it now: its section is pageable and not locked.
    pub pageable: bool,
    /// Whether the host has memory for it, as the host's own `mincore` says.
    pub in_memory: bool,
}

/// A loaded image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageInfo {
    /// File name.
    pub name: String,
    /// Where it is mapped in the machine's process.
    pub base: u64,
    /// Pages, headers included.
    pub pages: u32,
    /// Whether `MmPageEntireDriver` overrode its sections.
    pub overridden: bool,
}

/// What the machine counted since it booted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Faults on pages in transition.
    pub soft_faults: u64,
    /// Faults on pages that had to be read.
    pub hard_faults: u64,
    /// Passes of trimming, forced ones included.
    pub trims: u64,
    /// Raises to `DISPATCH_LEVEL` or above, by routine or by spin lock.
    pub irql_raises: u64,
    /// Calls to `MmPageEntireDriver` and `MmResetDriverPaging` that arrived.
    pub page_entire_calls: u64,
    /// See `page_entire_calls`.
    pub reset_calls: u64,
    /// Pages pageable at present, over all images (`TotalSystemDriverPages` of Windows).
    pub driver_pages_total: u64,
    /// How many of them are valid (`ResidentSystemDriverPage`).
    pub driver_pages_resident: u64,
}

/// A pool block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolBlock {
    /// The four characters of its tag.
    pub tag: String,
    /// Bytes asked for.
    pub bytes: u64,
    /// The image that allocated it.
    pub owner: String,
    /// Whether it came from paged pool.
    pub paged: bool,
}
