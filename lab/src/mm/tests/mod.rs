//! The memory manager as a driver meets it. Each test is a machine of its own: what they set is
//! the machine's.

mod bug_checks;
mod driver_paging;
mod eviction;
mod query;
mod races;
mod section_lock;
