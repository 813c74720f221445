//! The ballast: cold code and data of which every byte is known (see `pagewise_contract`).
//!
//! Each region is a section of its own, so that a page of it is shared with nothing. The constants
//! are computed by the compiler from the contract's own functions; the code is two instructions at
//! the start of each page, written in assembly because a compiler promises no bytes.

use core::arch::global_asm;
use core::cell::UnsafeCell;
use core::hint::black_box;

use pagewise_contract::{
    BALLAST_REGION_BYTES, BallastRegion, PAGE_SIZE, code_value, constant_byte, filled_byte,
};
use pagewise_core::CodePage;

type Bytes = [u8; BALLAST_REGION_BYTES];

/// Read-only bytes that fill their pages.
#[repr(C, align(4096))]
struct Constants(Bytes);

/// Writable bytes that fill their pages.
#[repr(C, align(4096))]
struct Data(UnsafeCell<Bytes>);

// SAFETY: the bytes are reached only through `bytes` and `bytes_mut`, whose callers promise that no
// two of them run at once.
unsafe impl Sync for Data {}

const _: () = assert!(PAGE_SIZE == 4096 && BALLAST_REGION_BYTES.is_multiple_of(PAGE_SIZE));

#[unsafe(link_section = "COLDCNST")]
static COLD_CONSTANTS: Constants = Constants(constants(BallastRegion::ResidentConst));

#[unsafe(link_section = "PAGECNST")]
static PAGE_CONSTANTS: Constants = Constants(constants(BallastRegion::PageableConst));

#[unsafe(link_section = "COLDDATA")]
static COLD_DATA: Data = Data(UnsafeCell::new(data(BallastRegion::ResidentData)));

#[unsafe(link_section = "PAGEDATA")]
static PAGE_DATA: Data = Data(UnsafeCell::new(data(BallastRegion::PageableData)));

const fn constants(region: BallastRegion) -> Bytes {
    let mut bytes = [0; BALLAST_REGION_BYTES];
    let mut index = 0;
    while index < bytes.len() {
        bytes[index] = constant_byte(region, index);
        index += 1;
    }
    bytes
}

const fn data(region: BallastRegion) -> Bytes {
    let mut bytes = [0; BALLAST_REGION_BYTES];
    let mut index = 0;
    while index < bytes.len() {
        bytes[index] = filled_byte(region, 0, index);
        index += 1;
    }
    bytes
}

/// Four pages of code, each `mov eax, value; ret` and then `int3` to its end.
macro_rules! code_ballast {
    ($section:literal, $symbol:literal, $region:expr) => {
        global_asm!(
            concat!(".section ", $section, ",\"xr\""),
            ".p2align 12",
            concat!(".globl ", $symbol),
            concat!($symbol, ":"),
            "mov eax, {page0}",
            "ret",
            ".p2align 12, 0xcc",
            "mov eax, {page1}",
            "ret",
            ".p2align 12, 0xcc",
            "mov eax, {page2}",
            "ret",
            ".p2align 12, 0xcc",
            "mov eax, {page3}",
            "ret",
            ".p2align 12, 0xcc",
            ".text",
            page0 = const code_value($region, 0),
            page1 = const code_value($region, 1),
            page2 = const code_value($region, 2),
            page3 = const code_value($region, 3),
        );
    };
}

code_ballast!("COLDCODE", "pagewise_cold_code", BallastRegion::ResidentCode);
code_ballast!("PAGECODE", "pagewise_page_code", BallastRegion::PageableCode);

unsafe extern "C" {
    #[link_name = "pagewise_cold_code"]
    static COLD_CODE: Bytes;
    #[link_name = "pagewise_page_code"]
    static PAGE_CODE: Bytes;
}

/// The first byte of a region.
///
/// The compiler is kept from knowing where it points: it could fold a checksum of constants into a
/// number, and the pages would never be read.
///
/// # IRQL
/// Any
pub fn address(region: BallastRegion) -> *const u8 {
    let first: *const u8 = match region {
        BallastRegion::ResidentCode => (&raw const COLD_CODE).cast(),
        BallastRegion::ResidentConst => (&raw const COLD_CONSTANTS).cast(),
        BallastRegion::ResidentData => COLD_DATA.0.get().cast_const().cast(),
        BallastRegion::PageableCode => (&raw const PAGE_CODE).cast(),
        BallastRegion::PageableConst => (&raw const PAGE_CONSTANTS).cast(),
        BallastRegion::PageableData => PAGE_DATA.0.get().cast_const().cast(),
    };
    black_box(first)
}

/// The bytes of a region.
///
/// # Safety
/// No slice of [`bytes_mut`] for this region is in use.
///
/// # IRQL
/// `PASSIVE_LEVEL`: reading them may fault pages in.
pub unsafe fn bytes<'a>(region: BallastRegion) -> &'a [u8] {
    // SAFETY: every region is a static of this size, and the caller promises that nobody writes.
    unsafe { core::slice::from_raw_parts(address(region), BALLAST_REGION_BYTES) }
}

/// The bytes of a writable region; `None` for the others.
///
/// # Safety
/// No slice of this region is in use.
///
/// # IRQL
/// `PASSIVE_LEVEL`: writing them may fault pages in.
pub unsafe fn bytes_mut<'a>(region: BallastRegion) -> Option<&'a mut [u8]> {
    let first: *mut u8 = match region {
        BallastRegion::ResidentData => COLD_DATA.0.get().cast(),
        BallastRegion::PageableData => PAGE_DATA.0.get().cast(),
        _ => return None,
    };
    let first = black_box(first);
    // SAFETY: it is the inside of an `UnsafeCell` of this size, in a writable section, and the
    // caller promises that there is no other slice of it.
    Some(unsafe { core::slice::from_raw_parts_mut(first, BALLAST_REGION_BYTES) })
}

/// Calls the function at the beginning of a page and gives what it returns.
///
/// # IRQL
/// `PASSIVE_LEVEL`: the call may fault the page in.
pub fn call(page: CodePage) -> u32 {
    let offset = page.index().saturating_mul(PAGE_SIZE);
    let entry = address(page.region()).wrapping_add(offset);
    // SAFETY: a `CodePage` is a page of a code region, and each of those begins with a function
    // that takes nothing, touches only `eax`, and returns a `u32`.
    let function = unsafe { core::mem::transmute::<*const u8, extern "C" fn() -> u32>(entry) };
    function()
}
