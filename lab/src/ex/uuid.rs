//! Unique identifiers.

use pagewise_lab_nt as nt;

use crate::ke::schedule;

/// Makes a random UUID (version 4). On a machine with a schedule it follows from the seed.
///
/// Page: wdm/nf-wdm-exuuidcreate. `STATUS_RETRY` when the host has no random bytes.
///
/// # IRQL
/// <= `APC_LEVEL`.
///
/// # Safety
/// `uuid` can be written.
pub unsafe extern "win64" fn ExUuidCreate(uuid: *mut nt::GUID) -> i32 {
    let Some(mut bytes) = schedule::random().or_else(of_host) else { return nt::STATUS_RETRY };
    // RFC 4122, 4.4: version and variant.
    bytes[7] = bytes[7] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    // SAFETY: the caller vouches for it; the bytes are as many as those of a GUID.
    unsafe { uuid.cast::<[u8; 16]>().write_unaligned(bytes) };
    nt::STATUS_SUCCESS
}

/// Random bytes of the host's.
fn of_host() -> Option<[u8; 16]> {
    let mut bytes = [0u8; 16];
    // SAFETY: the buffer has that many bytes.
    let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    (got == bytes.len() as isize).then_some(bytes)
}

crate::exports! {
    /// Unique identifiers.
    pub EXPORTS = [
        ExUuidCreate(_),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_of_version_4_and_differ() {
        let mut pair = [[0u8; 16]; 2];
        for bytes in &mut pair {
            // SAFETY: it has the bytes of a GUID.
            let status = unsafe { ExUuidCreate(bytes.as_mut_ptr().cast()) };
            assert_eq!(status, nt::STATUS_SUCCESS);
            assert_eq!((bytes[7] >> 4, bytes[8] >> 6), (4, 2));
        }
        assert_ne!(pair[0], pair[1]);
    }
}
