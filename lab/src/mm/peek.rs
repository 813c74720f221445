//! Reading memory that may not be there.

/// Reads all of `bytes` from `address`; false where some of it cannot be read. The host reads, so
/// that nothing faults and no page is brought in. Async-signal-safe.
pub(crate) fn peek(address: u64, bytes: &mut [u8]) -> bool {
    let length = bytes.len();
    let local = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: length };
    let remote = libc::iovec { iov_base: address as *mut _, iov_len: length };
    // SAFETY: takes nothing, and cannot fail.
    let process = unsafe { libc::getpid() };
    // SAFETY: `local` describes `bytes`; `remote` is only looked at by the host, which checks it.
    let read =
        unsafe { libc::process_vm_readv(process, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(read) == Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_read_and_what_is_not_is_told() {
        static THERE: [u8; 3] = [1, 2, 3];
        let mut bytes = [0; 3];
        assert!(peek(THERE.as_ptr() as u64, &mut bytes));
        assert_eq!(bytes, THERE);
        assert!(!peek(8, &mut bytes));
        assert!(!peek(u64::MAX, &mut bytes));
    }
}
