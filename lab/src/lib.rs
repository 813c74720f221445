//! The lab: one process is one NT machine. It maps unmodified driver images, runs their code
//! natively, and pages it for real.
//!
//! The modules carry the kernel's own prefixes.

pub mod bugcheck;
pub mod debugger;
pub mod dump;
pub mod ex;
pub mod exports;
pub mod footprint;
pub mod image;
pub mod io;
pub mod ke;
pub mod machine;
pub mod mm;
pub mod ob;
pub mod pnp;
pub mod po;
pub mod ps;
pub mod registry;
pub mod rtl;
pub mod se;
pub mod serve;
pub mod survey;
#[cfg(test)]
mod testing;
mod trail;
pub mod verifier;
