//! The input at hand, in a file that outlives the process: a machine that bug-checks ends it without
//! a word to the fuzzer.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::OnceLock;

/// The longest input that is kept as a whole.
const ROOM: usize = 1 << 16;

/// The file to keep it in.
pub const FILE: &str = "PAGEWISE_FUZZ_INPUT";

/// A shared mapping of that file: a length of eight bytes, then the input.
struct Kept(*mut u8);

// SAFETY: an address that only the one fuzzing thread writes to.
unsafe impl Send for Kept {}
// SAFETY: as above.
unsafe impl Sync for Kept {}

/// Notes the input, where a file for it is named.
pub fn keep(data: &[u8]) {
    static KEPT: OnceLock<Option<Kept>> = OnceLock::new();
    let kept = KEPT.get_or_init(|| map(Path::new(&std::env::var_os(FILE)?)));
    let Some(Kept(start)) = kept else { return };
    let data = &data[..data.len().min(ROOM)];
    // SAFETY: the mapping begins with room for it, aligned to a page.
    unsafe { start.cast::<u64>().write(data.len() as u64) };
    let room = start.wrapping_add(size_of::<u64>());
    // SAFETY: the mapping has `ROOM` bytes from here on, which nobody borrows.
    unsafe { room.copy_from_nonoverlapping(data.as_ptr(), data.len()) };
}

fn map(path: &Path) -> Option<Kept> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path);
    let file = file.ok()?;
    let bytes = size_of::<u64>() + ROOM;
    file.set_len(bytes as u64).ok()?;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(&file);
    // SAFETY: an address of the host's choice: nothing is replaced. The mapping outlives the file.
    let start =
        unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, libc::MAP_SHARED, descriptor, 0) };
    (start != libc::MAP_FAILED).then(|| Kept(start.cast()))
}

/// The input in such a file.
///
/// # Errors
/// What the host says of reading it.
pub fn kept(path: &Path) -> std::io::Result<Vec<u8>> {
    let bytes = std::fs::read(path)?;
    let (length, data) = bytes.split_first_chunk().unwrap_or((&[0; 8], &[]));
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(ROOM);
    Ok(data[..length.min(data.len())].to_vec())
}
