//! The unwinder of the frames of drivers, which reads `.pdata` and unwind information of their images.

use pagewise_lab::bugcheck::unwound_in;

/// The stack that frames are on, in words.
const STACK: usize = 64;

/// Any bytes are an image with frames or without, and each walk ends. The first four say where in the
/// image the program stands; what lies on the stack is taken from the end.
///
/// # Panics
/// Where the unwinder does.
pub fn run(data: &[u8]) {
    let Some((rva, image)) = data.split_first_chunk() else { return };
    let rva = u32::from_le_bytes(*rva);
    let tail = &image[image.len().saturating_sub(STACK * 2)..];
    // Small numbers, so that return addresses lie in the image.
    let words: Vec<u64> = tail
        .chunks_exact(2)
        .map(|bytes| u64::from(u16::from_le_bytes([bytes[0], bytes[1]])))
        .collect();
    for rva in [rva, rva & 0xfff] {
        let _ = unwound_in(image, rva, &words);
    }
}
