//! A boot sector that enters 64-bit mode, counts, and ends QEMU through its `isa-debug-exit`
//! device, at port 0xF4: it proves that a guest runs, and at what speed.

/// How often it turns around.
pub const TURNS: u32 = 100_000_000;

/// What it writes to the port.
const WRITTEN: u8 = 0x31;
/// What QEMU makes of that (qemu: hw/misc/debugexit.c).
pub const EXIT_CODE: i32 = (WRITTEN as i32) << 1 | 1;

/// The code, at 0x7C00 in memory. Numbers are little-endian.
const CODE: &[u8] = &[
    0xfa, //                                            cli
    0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, //              xor ax,ax; mov ds,ax; mov es,ax
    0xbf, 0x00, 0x10, 0xb9, 0x00, 0x18, 0xfc, //        mov di,0x1000; mov cx,0x1800; cld
    0xf3, 0xab, //                                      rep stosw: three empty page tables
    0xc7, 0x06, 0x00, 0x10, 0x03, 0x20, //              mov word [0x1000],0x2003
    0xc7, 0x06, 0x00, 0x20, 0x03, 0x30, //              mov word [0x2000],0x3003
    0xc7, 0x06, 0x00, 0x30, 0x83,
    0x00, //              mov word [0x3000],0x0083: 2 MB, as it is
    0x66, 0x0f, 0x01, 0x16, 0x78, 0x7c, //              lgdt [0x7c78]
    0x66, 0xb8, 0x00, 0x10, 0x00, 0x00, 0x0f, 0x22, 0xd8, // mov eax,0x1000; mov cr3,eax
    0x66, 0xb8, 0x20, 0x00, 0x00, 0x00, 0x0f, 0x22, 0xe0, // mov eax,0x20; mov cr4,eax (PAE)
    0x66, 0xb9, 0x80, 0x00, 0x00, 0xc0, //              mov ecx,0xc0000080 (EFER)
    0x0f, 0x32, 0x0d, 0x00, 0x01, 0x0f, 0x30, //        rdmsr; or ax,0x100 (LME); wrmsr
    0x66, 0xb8, 0x01, 0x00, 0x00, 0x80, 0x0f, 0x22, 0xc0, // mov eax,0x80000001; mov cr0,eax
    0x66, 0xea, 0x58, 0x7c, 0x00, 0x00, 0x08,
    0x00, //  jmp 8:0x7c58, the next one, in 64-bit mode
    0xb9, 0x00, 0xe1, 0xf5, 0x05, //                    mov ecx,100000000
    0xe2, 0xfe, //                                      loop to itself
    0xb0, WRITTEN, 0xe6, 0xf4, //                       mov al,WRITTEN; out 0xf4,al
    0xf4, 0xeb, 0xfd, //                                hlt; again
    0x66, 0x90, //                                      nothing, for alignment
    0, 0, 0, 0, 0, 0, 0, 0, //                          0x7c68: the table's empty descriptor
    0, 0, 0, 0, 0, 0x9a, 0x20, 0, //                    64-bit code
    0x0f, 0x00, 0x68, 0x7c, 0x00, 0x00, //              0x7c78: 15, and where the table is
];

/// The sector, and as many empty ones as make a disk that QEMU takes for one.
pub fn image() -> Vec<u8> {
    let mut disk = vec![0; 512 * 2048];
    disk[..CODE.len()].copy_from_slice(CODE);
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    disk
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fits_a_sector_and_counts_as_far_as_it_says() {
        let disk = image();
        assert!(CODE.len() <= 440);
        assert_eq!(disk[510..512], [0x55, 0xaa]);
        assert_eq!(disk[0x59..0x5d], TURNS.to_le_bytes());
        assert_eq!(EXIT_CODE, 99);
    }
}
