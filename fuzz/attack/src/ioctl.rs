//! The driver's IOCTLs: the unmodified `pagewise.sys` and `wdfldr.sys` on a machine in this very
//! process, asked without a socket in between.
//!
//! An input is a list of steps ([`step`]): requests, well-formed and not, on handles of either
//! access, and evictions between them. The judge is the contract as `test-app verify` has it
//! ([`Oracle`](test_app::verify::oracle::Oracle)): what it would refuse must be refused, with one of
//! the statuses it names, and every byte of an answer is held against what it knows ([`answer`]).
//!
//! The drivers are not instrumented, so they tell nothing of their coverage by themselves.
//! [`blocks`] puts a breakpoint on each of their basic blocks that goes away when it is first hit,
//! and [`feedback`] hands that to libFuzzer, beside which answers followed which.

pub mod answer;
pub mod blocks;
pub mod feedback;
mod figures;
pub mod keep;
pub mod session;
pub mod step;

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::path::PathBuf;

pub use session::Session;

/// Where the images are: `PAGEWISE_ARTIFACTS`, an absolute path.
pub const ARTIFACTS: &str = "PAGEWISE_ARTIFACTS";

thread_local! {
    /// It is never dropped: a machine ends with its process, and its threads' own data before.
    static SESSION: RefCell<Option<ManuallyDrop<Session>>> = const { RefCell::new(None) };
}

/// Boots the machine where that has not been done, and carries out the steps of one input. What it
/// leaves behind is what it found, but for the ballast's content, of which the judge keeps account.
///
/// # Panics
/// Where an answer is not as the contract has it, or where there is no machine.
pub fn run(data: &[u8]) {
    SESSION.with_borrow_mut(|session| {
        let session = session.get_or_insert_with(|| {
            let Some(folder) = std::env::var_os(ARTIFACTS) else {
                panic!("{ARTIFACTS} is not set; `cargo xtask fuzz` and `cargo xtask test` set it");
            };
            figures::print_at_exit();
            ManuallyDrop::new(Session::boot(&PathBuf::from(folder)))
        });
        keep::keep(data);
        let before = session.calls();
        session.run(data);
        figures::count(session.calls() - before, session.evictions());
    });
}
