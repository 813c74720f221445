//! Security: who may open a device, and for what.
//!
//! Descriptors are read from SDDL and from their binary form, and written to both. System ACLs
//! (auditing, integrity labels) are not modelled.

mod access;
mod ace;
mod binary;
mod defaults;
mod descriptor;
mod rights;
mod sddl;
mod sid;
#[cfg(test)]
mod strategy;

pub use access::access_check;
pub use ace::{Ace, AceKind};
pub use binary::BinaryError;
pub use defaults::{
    KERNEL_ONLY, SYS_ALL, SYS_ALL_ADM_ALL, SYS_ALL_ADM_RWX_WORLD_R, SYS_ALL_ADM_RWX_WORLD_R_RES_R,
};
pub use descriptor::{Dacl, Descriptor};
pub use rights::map_generic;
pub use sddl::SddlError;
pub use sid::Sid;
