//! What tests share.

pub(crate) mod child;
pub(crate) mod driver;
pub(crate) mod pe;
pub(crate) mod toy;
