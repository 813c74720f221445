//! The descriptors for device objects that have a name, as SDDL.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/kernel/sddl-for-device-objects, which names
//! them `SDDL_DEVOBJ_...`. Drivers carry them in their own images; the lab's devices use them too.

/// Kernel mode only: nobody opens the device.
pub const KERNEL_ONLY: &str = "D:P";

/// The system may do everything.
pub const SYS_ALL: &str = "D:P(A;;GA;;;SY)";

/// The system and administrators may do everything.
pub const SYS_ALL_ADM_ALL: &str = "D:P(A;;GA;;;SY)(A;;GA;;;BA)";

/// The system may do everything; administrators read, write and execute; everyone reads.
pub const SYS_ALL_ADM_RWX_WORLD_R: &str = "D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GR;;;WD)";

/// The same, and restricted code reads too.
pub const SYS_ALL_ADM_RWX_WORLD_R_RES_R: &str =
    "D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GR;;;WD)(A;;GR;;;RC)";

#[cfg(test)]
mod tests {
    use pagewise_lab_nt::{FILE_READ_DATA as READ, FILE_WRITE_DATA as WRITE, WRITE_DAC};
    use pagewise_lab_wire::Token;

    use super::super::{Descriptor, access_check};
    use super::*;

    /// Which of reading, writing and changing the DACL each token may.
    fn table(sddl: &str) -> [[bool; 3]; 3] {
        let descriptor = Descriptor::from_sddl(sddl).unwrap();
        assert_eq!(descriptor.to_string(), sddl);
        [Token::System, Token::Administrator, Token::User].map(|token| {
            [READ, WRITE, WRITE_DAC]
                .map(|desired| access_check(&descriptor, token, desired).is_ok())
        })
    }

    #[test]
    fn each_allows_what_its_name_says() {
        const ALL: [bool; 3] = [true; 3];
        const NONE: [bool; 3] = [false; 3];
        const READ_WRITE: [bool; 3] = [true, true, false];
        const READ_ONLY: [bool; 3] = [true, false, false];
        assert_eq!(table(KERNEL_ONLY), [NONE; 3]);
        assert_eq!(table(SYS_ALL), [ALL, NONE, NONE]);
        assert_eq!(table(SYS_ALL_ADM_ALL), [ALL, ALL, NONE]);
        assert_eq!(table(SYS_ALL_ADM_RWX_WORLD_R), [ALL, READ_WRITE, READ_ONLY]);
        assert_eq!(table(SYS_ALL_ADM_RWX_WORLD_R_RES_R), [ALL, READ_WRITE, READ_ONLY]);
    }
}
