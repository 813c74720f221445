//! Copying, filling and comparing memory.
//!
//! The memory is the driver's, and may be paged out: the host's own routines run on it, which fault
//! and go on like any other code.

use std::ffi::c_void;

/// Copies memory. Overlap is allowed, as the kernel's `memcpy` is its `memmove`.
///
/// Page: wdm/nf-wdm-rtlcopymemory.
///
/// # IRQL
/// Any; above `APC_LEVEL` the memory has to be resident.
///
/// # Safety
/// As the C function.
pub unsafe extern "win64" fn memmove(
    to: *mut c_void,
    from: *const c_void,
    bytes: usize,
) -> *mut c_void {
    // SAFETY: the caller vouches for it.
    unsafe { libc::memmove(to, from, bytes) }
}

/// Fills memory.
///
/// Page: wdm/nf-wdm-rtlfillmemory.
///
/// # IRQL
/// Any; above `APC_LEVEL` the memory has to be resident.
///
/// # Safety
/// As the C function.
pub unsafe extern "win64" fn memset(to: *mut c_void, value: i32, bytes: usize) -> *mut c_void {
    // SAFETY: the caller vouches for it.
    unsafe { libc::memset(to, value, bytes) }
}

/// Compares memory.
///
/// Page: learn.microsoft.com/cpp/c-runtime-library/reference/memcmp-wmemcmp.
///
/// # IRQL
/// Any; above `APC_LEVEL` the memory has to be resident.
///
/// # Safety
/// As the C function.
pub unsafe extern "win64" fn memcmp(a: *const c_void, b: *const c_void, bytes: usize) -> i32 {
    // SAFETY: the caller vouches for it.
    unsafe { libc::memcmp(a, b, bytes) }
}

/// Finds a byte.
///
/// Page: learn.microsoft.com/cpp/c-runtime-library/reference/memchr-wmemchr.
///
/// # IRQL
/// Any; above `APC_LEVEL` the memory has to be resident.
///
/// # Safety
/// As the C function.
pub unsafe extern "win64" fn memchr(memory: *const c_void, byte: i32, bytes: usize) -> *mut c_void {
    // SAFETY: the caller vouches for it.
    unsafe { libc::memchr(memory, byte, bytes) }
}

/// How many bytes are equal before the first that is not.
///
/// Page: wdm/nf-wdm-rtlcomparememory.
///
/// # IRQL
/// Any; above `APC_LEVEL` the memory has to be resident.
///
/// # Safety
/// Both have so many bytes.
pub unsafe extern "win64" fn RtlCompareMemory(a: *const u8, b: *const u8, bytes: usize) -> usize {
    for index in 0..bytes {
        // SAFETY: the caller vouches for it.
        let left = unsafe { a.wrapping_add(index).read() };
        // SAFETY: the caller vouches for it.
        let right = unsafe { b.wrapping_add(index).read() };
        if left != right {
            return index;
        }
    }
    bytes
}

/// Fills memory with zeroes, and is not optimised away.
///
/// Page: wdm/nf-wdm-rtlsecurezeromemory.
///
/// # IRQL
/// Any; above `APC_LEVEL` the memory has to be resident.
///
/// # Safety
/// The memory has so many bytes.
pub unsafe extern "win64" fn RtlZeroMemory(to: *mut c_void, bytes: usize) {
    // SAFETY: the caller vouches for it.
    unsafe { libc::memset(to, 0, bytes) };
}

/// Fills memory; the arguments stand in another order than those of `memset`.
///
/// Page: wdm/nf-wdm-rtlfillmemory.
///
/// # IRQL
/// Any; above `APC_LEVEL` the memory has to be resident.
///
/// # Safety
/// The memory has so many bytes.
pub unsafe extern "win64" fn RtlFillMemory(to: *mut c_void, bytes: usize, value: u8) {
    // SAFETY: the caller vouches for it.
    unsafe { libc::memset(to, i32::from(value), bytes) };
}

crate::exports! {
    /// Memory.
    pub EXPORTS = [
        memmove(_, _, _),
        "memcpy" = memmove(_, _, _),
        "RtlMoveMemory" = memmove(_, _, _),
        "RtlCopyMemory" = memmove(_, _, _),
        memset(_, _, _),
        memcmp(_, _, _),
        memchr(_, _, _),
        RtlCompareMemory(_, _, _),
        RtlZeroMemory(_, _),
        RtlFillMemory(_, _, _),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compare_counts_equal_bytes() {
        let (a, b) = (b"pageable", b"pagewise");
        // SAFETY: both have eight bytes.
        let equal =
            [8, 4, 3].map(|bytes| unsafe { RtlCompareMemory(a.as_ptr(), b.as_ptr(), bytes) });
        assert_eq!(equal, [4, 4, 3]);
    }

    #[test]
    fn copies_may_overlap() {
        let mut bytes = *b"abcdef";
        let at = bytes.as_mut_ptr();
        // SAFETY: both ranges are in the array.
        unsafe { memmove(at.wrapping_add(2).cast(), at.cast(), 4) };
        assert_eq!(&bytes, b"ababcd");
    }

    #[test]
    fn filling_stays_within_its_bytes() {
        let mut bytes = [1u8; 6];
        let at: *mut c_void = bytes.as_mut_ptr().cast();
        // SAFETY: the array has more.
        unsafe { RtlFillMemory(at, 5, 0x1ff_u16 as u8) };
        // SAFETY: the array has more.
        unsafe { RtlZeroMemory(at, 2) };
        // SAFETY: the array has more.
        assert_eq!(unsafe { memset(at, 7, 1) }, at);
        assert_eq!(bytes, [7, 0, 255, 255, 255, 1]);
    }

    #[test]
    fn comparing_has_a_sign_and_finding_an_end() {
        let bytes = b"abca";
        let [a, b] = [0, 1].map(|index| bytes.as_ptr().wrapping_add(index).cast::<c_void>());
        // SAFETY: both have three bytes.
        let order = [(a, b), (b, a), (a, a)].map(|(x, y)| unsafe { memcmp(x, y, 3) }.signum());
        assert_eq!(order, [-1, 1, 0]);
        // SAFETY: it has three bytes.
        assert!(unsafe { memchr(b, i32::from(b'b'), 3) } == b.cast_mut());
        // SAFETY: it has two bytes.
        assert!(unsafe { memchr(b, i32::from(b'a'), 2) }.is_null());
    }
}
