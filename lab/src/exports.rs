//! What drivers import from the kernel: names to routines.
//!
//! Each module that models routines lists them with [`exports!`](crate::exports!) and adds its
//! table to [`TABLES`]. A name that no table has makes the load of the importing driver fail by
//! name: there are no stubs that answer for what is not modelled.

use std::collections::HashMap;
use std::sync::OnceLock;

/// The modules whose tables make up the kernel.
const TABLES: &[&[Export]] = &[
    crate::bugcheck::EXPORTS,
    crate::ex::fast_mutex::EXPORTS,
    crate::ex::interlocked::EXPORTS,
    crate::ex::lookaside::EXPORTS,
    crate::ex::probe::EXPORTS,
    crate::ex::raise::EXPORTS,
    crate::ex::resource::EXPORTS,
    crate::ex::rundown::EXPORTS,
    crate::ex::slist::EXPORTS,
    crate::ex::uuid::EXPORTS,
    crate::ex::work_item::EXPORTS,
    crate::io::build::EXPORTS,
    crate::io::call::EXPORTS,
    crate::io::cancel::EXPORTS,
    crate::io::complete::EXPORTS,
    crate::io::csq::EXPORTS,
    crate::io::device::EXPORTS,
    crate::io::driver::EXPORTS,
    crate::io::file::EXPORTS,
    crate::io::interface::EXPORTS,
    crate::io::irp::EXPORTS,
    crate::io::locked::EXPORTS,
    crate::io::mdl::EXPORTS,
    crate::io::property::EXPORTS,
    crate::io::remove_lock::EXPORTS,
    crate::io::stack::EXPORTS,
    crate::ke::apc::EXPORTS,
    crate::ke::dispatcher::event::EXPORTS,
    crate::ke::dispatcher::mutex::EXPORTS,
    crate::ke::dispatcher::semaphore::EXPORTS,
    crate::ke::dispatcher::wait::EXPORTS,
    crate::ke::dpc::EXPORTS,
    crate::ke::irql::EXPORTS,
    crate::ke::queued_spin_lock::EXPORTS,
    crate::ke::seh::EXPORTS,
    crate::ke::spin_lock::EXPORTS,
    crate::ke::thread::EXPORTS,
    crate::ke::time::EXPORTS,
    crate::ke::timer::EXPORTS,
    crate::mm::EXPORTS,
    crate::mm::pool::EXPORTS,
    crate::ob::EXPORTS,
    crate::pnp::EXPORTS,
    crate::po::EXPORTS,
    crate::ps::PROCESS_EXPORTS,
    crate::ps::THREAD_EXPORTS,
    crate::registry::EXPORTS,
    crate::rtl::ansi::EXPORTS,
    crate::rtl::convert::EXPORTS,
    crate::rtl::guid::EXPORTS,
    crate::rtl::memory::EXPORTS,
    crate::rtl::print::EXPORTS,
    crate::rtl::runtime::EXPORTS,
    crate::rtl::unicode::EXPORTS,
    crate::rtl::version::EXPORTS,
];

/// The kernel's image name.
pub const KERNEL: &str = "ntoskrnl.exe";

/// The HAL's image name. What the lab has of the HAL stands in the same tables as the kernel's own
/// routines.
pub const HAL: &str = "hal.dll";

/// A routine or a variable that drivers can import. Made by [`exports!`](crate::exports!).
#[derive(Clone, Copy, Debug)]
pub struct Export {
    name: &'static str,
    address: *const (),
}

// SAFETY: the address is of a function or of a static; it is only handed out, never used.
unsafe impl Sync for Export {}

impl Export {
    /// For [`exports!`](crate::exports!).
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str, address: *const ()) -> Self {
        Self { name, address }
    }

    /// The name as drivers import it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> usize {
        self.address.addr()
    }
}

/// A table of exports.
///
/// A routine is written as its name and one `_` per parameter: the compiler then checks that it
/// has that many and the Windows calling convention (`extern "win64"`). `"Name" = path(_, _)`
/// exports a function under another name than its own; `static NAME` exports a variable.
///
/// ```
/// use pagewise_lab::exports;
///
/// extern "win64" fn KeQueryTimeIncrement() -> u32 {
///     156_250
/// }
/// unsafe extern "win64" fn copy(_to: *mut u8, _from: *const u8, _bytes: usize) {}
/// static NtBuildNumber: u32 = 19041;
///
/// exports! {
///     /// The table.
///     pub EXPORTS = [
///         KeQueryTimeIncrement(),
///         "RtlCopyMemory" = copy(_, _, _),
///         static NtBuildNumber,
///     ];
/// }
/// assert_eq!(EXPORTS[1].name(), "RtlCopyMemory");
/// ```
#[macro_export]
macro_rules! exports {
    ($(#[$attribute:meta])* $visibility:vis $table:ident = [$($body:tt)*];) => {
        $(#[$attribute])*
        $visibility const $table: &[$crate::exports::Export] =
            $crate::exports!(@ [] $($body)*);
    };
    (@ [$($done:expr,)*]) => { &[$($done,)*] };
    (@ [$($done:expr,)*] static $name:ident, $($rest:tt)*) => {
        $crate::exports!(@ [
            $($done,)*
            $crate::exports::Export::new(stringify!($name), (&raw const $name).cast()),
        ] $($rest)*)
    };
    (@ [$($done:expr,)*] $name:literal = $routine:ident($($parameter:tt),*), $($rest:tt)*) => {
        $crate::exports!(@ [
            $($done,)*
            $crate::exports::Export::new(
                $name,
                $routine as unsafe extern "win64" fn($($parameter),*) -> _ as *const (),
            ),
        ] $($rest)*)
    };
    (@ [$($done:expr,)*] $routine:ident($($parameter:tt),*), $($rest:tt)*) => {
        $crate::exports!(@ [
            $($done,)*
            $crate::exports::Export::new(
                stringify!($routine),
                $routine as unsafe extern "win64" fn($($parameter),*) -> _ as *const (),
            ),
        ] $($rest)*)
    };
}

/// Every export of the kernel.
pub fn all() -> impl Iterator<Item = &'static Export> {
    TABLES.iter().copied().flatten()
}

/// The address of `name` in the kernel or the HAL; `None` when `dll` is neither of the two, or
/// does not have it. File names compare without regard to case, routine names with.
#[must_use]
pub fn resolve(dll: &str, name: &str) -> Option<usize> {
    static BY_NAME: OnceLock<HashMap<&str, usize>> = OnceLock::new();
    if !is_kernel(dll) {
        return None;
    }
    BY_NAME
        .get_or_init(|| all().map(|export| (export.name(), export.address())).collect())
        .get(name)
        .copied()
}

/// Whether imports from `dll` are the kernel's to resolve.
#[must_use]
pub fn is_kernel(dll: &str) -> bool {
    dll.eq_ignore_ascii_case(KERNEL) || dll.eq_ignore_ascii_case(HAL)
}

/// The export that begins at `address`, for reports.
#[must_use]
pub fn name_of(address: usize) -> Option<&'static str> {
    all().find(|export| export.address() == address).map(Export::name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_name_is_exported_twice() {
        let mut seen = HashSet::new();
        for export in all() {
            assert!(seen.insert(export.name()), "{} is in two tables", export.name());
        }
    }

    #[test]
    fn the_kernel_and_the_hal_are_known_without_regard_to_case() {
        let address = resolve("NTOSKRNL.EXE", "MmPageEntireDriver");
        assert!(address.is_some());
        assert_eq!(resolve("hal.dll", "MmPageEntireDriver"), address);
        assert_eq!(resolve("ntdll.dll", "MmPageEntireDriver"), None);
        assert_eq!(resolve(KERNEL, "mmpageentiredriver"), None);
        assert_eq!(name_of(address.unwrap()), Some("MmPageEntireDriver"));
    }
}
