//! WDFLDR.SYS: an open subset of the KMDF 1.31 runtime.
//!
//! A kernel driver of its own, linked against nothing but ntoskrnl.exe: the lab loads it beside a
//! KMDF driver, and so can another NT host that has no framework. It follows the behaviour of the
//! public KMDF source (github.com/microsoft/Windows-Driver-Frameworks) in what a driver can see:
//! order of callbacks and their IRQL, NTSTATUS values, life times of objects, and where the
//! framework reads the client's image. It shares no text with it.
//!
//! - `bind`: what the client's stub calls; `table`: the 458 functions, each of which is
//!   provided or stops the machine by name.
//! - `object`: handles, parents and children, references, contexts.
//! - `driver`, `device`, `pnp`, `file`, `queue`, `request`, `io_target`: the path of an IRP.
//! - `memory`, `lock`, `timer`, `work_item`, `dpc`, `string`, `registry`,
//!   `collection`: the smaller objects.
//! - `abi`: the clients' structures; `kernel`: what is wanted of the NT kernel.
//!
//! Two rules run through it. **The client's image is read only where KMDF reads it**: structures
//! and callback pointers are copied when an object is made; above APC_LEVEL nothing of the image
//! is touched but the two reads of the bind information that public KMDF makes there
//! (`globals`). And **an allocation that fails is an NTSTATUS**, never a stop.
#![cfg_attr(not(test), no_std)]
#![cfg_attr(
    not(windows),
    expect(
        dead_code,
        reason = "elsewhere than in a driver only the pure parts are built, for tests"
    )
)]

mod gate;
mod sddl;

#[cfg(windows)]
mod abi;
#[cfg(windows)]
mod bind;
#[cfg(windows)]
mod callback;
#[cfg(windows)]
mod collection;
#[cfg(windows)]
mod device;
#[cfg(windows)]
mod dpc;
#[cfg(windows)]
mod driver;
#[cfg(windows)]
mod entry;
#[cfg(windows)]
mod file;
#[cfg(windows)]
mod globals;
#[cfg(windows)]
mod io_target;
#[cfg(windows)]
mod kernel;
#[cfg(windows)]
mod lock;
#[cfg(windows)]
mod memory;
mod node;
#[cfg(windows)]
mod object;
#[cfg(not(test))]
mod panic;
#[cfg(windows)]
mod pnp;
#[cfg(windows)]
mod queue;
#[cfg(windows)]
mod registry;
#[cfg(windows)]
mod request;
#[cfg(windows)]
mod string;
#[cfg(windows)]
mod table;
#[cfg(windows)]
mod timer;
#[cfg(windows)]
mod work_item;
