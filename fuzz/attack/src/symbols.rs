//! The reader of PDB files, which names the places in a bug check's report.

use pagewise_lab::bugcheck::in_pdb;

/// Any bytes are a PDB or are refused, and any address in it has a name or none.
///
/// # Panics
/// Where the reader does.
pub fn run(data: &[u8]) {
    let (rva, pdb) = match data.split_first_chunk() {
        Some((rva, pdb)) => (u32::from_le_bytes(*rva), pdb),
        None => (0, data),
    };
    for rva in [rva, rva & 0xffff, 0x1000] {
        let _ = in_pdb(pdb, rva);
    }
}
