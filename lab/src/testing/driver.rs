//! A driver of a few instructions, so that references come from a driver's code.
//!
//! | page | section | content |
//! |---|---|---|
//! | 0 | headers | |
//! | 1 | `.text` | the routines below |
//! | 2, 3 | `PAGECODE` | a routine that returns 0x1111, and one that returns 0x2222 |
//! | 4, 5 | `.data` | [`word`] of each index |
//! | 6, 7 | `PAGEDATA` | likewise |
//! | 8 | `.rdata` | likewise, read-only |
//! | 9 | `INIT` | a routine that returns 0x3333; discardable |
//! | 10.. | `.pdata`, `.xdata`, `.reloc` | |

use std::ffi::c_void;
use std::path::Path;
use std::ptr;

use pagewise_contract::PAGE_SIZE;
use pagewise_lab_wire::{PageState, PageTruth};

use super::pe::{Builder, CODE, CONSTANTS, DATA, DISCARDABLE};
use crate::image::{self, Image, LoadError};
use crate::{exports, mm};

pub(crate) const TEXT: usize = PAGE_SIZE;
pub(crate) const PAGECODE: usize = 2 * PAGE_SIZE;
pub(crate) const DATA_SECTION: usize = 4 * PAGE_SIZE;
pub(crate) const PAGEDATA: usize = 6 * PAGE_SIZE;
pub(crate) const RDATA: usize = 8 * PAGE_SIZE;
pub(crate) const INIT: usize = 9 * PAGE_SIZE;

/// `mov rax, [rcx]; ret`
const READ: [u8; 4] = [0x48, 0x8b, 0x01, 0xc3];
/// `mov [rcx], rdx; ret`
const WRITE: [u8; 4] = [0x48, 0x89, 0x11, 0xc3];
/// `sub rsp, 28h; call rcx; add rsp, 28h; ret`
const CALL: [u8; 11] = [0x48, 0x83, 0xec, 0x28, 0xff, 0xd1, 0x48, 0x83, 0xc4, 0x28, 0xc3];
/// `sub rsp, 28h; mov rax, rcx; mov rcx, rdx; mov rdx, r8; call rax; add rsp, 28h; ret`
const CALL_WITH: [u8; 20] = [
    0x48, 0x83, 0xec, 0x28, 0x48, 0x89, 0xc8, 0x48, 0x89, 0xd1, 0x4c, 0x89, 0xc2, 0xff, 0xd0, 0x48,
    0x83, 0xc4, 0x28, 0xc3,
];
/// Where each is in `.text`.
const AT_READ: usize = 0;
const AT_WRITE: usize = 0x10;
const AT_CALL: usize = 0x20;
const AT_CALL_WITH: usize = 0x40;

/// What the eight bytes at `offset` of a data section are at first.
pub(crate) fn word(offset: usize) -> u64 {
    (offset as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The driver, loaded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Driver(pub(crate) &'static Image);

impl Driver {
    /// The file.
    pub(crate) fn builder() -> Builder {
        let mut text = vec![0xcc; PAGE_SIZE];
        for (at, code) in
            [(AT_READ, &READ[..]), (AT_WRITE, &WRITE), (AT_CALL, &CALL), (AT_CALL_WITH, &CALL_WITH)]
        {
            text[at..at + code.len()].copy_from_slice(code);
        }
        let returns = |value: u32| {
            let mut page = vec![0xcc; PAGE_SIZE];
            page[0] = 0xb8;
            page[1..5].copy_from_slice(&value.to_le_bytes());
            page[5] = 0xc3;
            page
        };
        let words = |pages: usize| -> Vec<u8> {
            (0..pages * PAGE_SIZE).step_by(8).flat_map(|at| word(at).to_le_bytes()).collect()
        };
        let function = |at: usize, bytes: usize, unwind: u32| {
            [(TEXT + at) as u32, (TEXT + at + bytes) as u32, unwind]
        };
        let xdata = 11 * PAGE_SIZE as u32;
        let pdata: Vec<u8> =
            [function(AT_CALL, CALL.len(), xdata), function(AT_CALL_WITH, CALL_WITH.len(), xdata)]
                .into_iter()
                .flatten()
                .flat_map(u32::to_le_bytes)
                .collect();
        // Version 1, a prolog of 4 bytes that allocates 28h.
        let unwind = [1, 4, 1, 0, 4, 0x42, 0, 0];
        Builder::new()
            .section(".text", CODE, &text)
            .section("PAGECODE", CODE, &[returns(0x1111), returns(0x2222)].concat())
            .section(".data", DATA, &words(2))
            .section("PAGEDATA", DATA, &words(2))
            .section(".rdata", CONSTANTS, &words(1))
            .section("INIT", CODE | DISCARDABLE, &returns(0x3333))
            .exceptions(10 * PAGE_SIZE as u32, 24)
            .section(".pdata", CONSTANTS, &pdata)
            .section(".xdata", CONSTANTS, &unwind)
            .export("Read", (TEXT + AT_READ) as u32)
    }

    /// Loads it.
    pub(crate) fn load() -> Self {
        Self::load_as("tiny.sys").unwrap()
    }

    /// Loads it under a name of its own.
    pub(crate) fn load_as(name: &str) -> Result<Self, LoadError> {
        image::load(Path::new(name), &Self::builder().file()).map(Self)
    }

    /// The address at an offset from the base.
    pub(crate) fn at(self, offset: usize) -> *mut c_void {
        ptr::with_exposed_provenance_mut(self.0.base() + offset)
    }

    /// Reads eight bytes at an address, in the driver.
    #[inline(never)]
    pub(crate) fn read(self, address: *const c_void) -> u64 {
        type Routine = extern "win64" fn(*const c_void) -> u64;
        // SAFETY: `READ` is there, and is a function of this type.
        let routine: Routine = unsafe { std::mem::transmute(self.at(TEXT + AT_READ)) };
        routine(address)
    }

    /// Writes eight bytes at an address, in the driver.
    #[inline(never)]
    pub(crate) fn write(self, address: *mut c_void, value: u64) {
        type Routine = extern "win64" fn(*mut c_void, u64);
        // SAFETY: `WRITE` is there, and is a function of this type.
        let routine: Routine = unsafe { std::mem::transmute(self.at(TEXT + AT_WRITE)) };
        routine(address, value);
    }

    /// Calls an address, in the driver.
    #[inline(never)]
    pub(crate) fn call(self, address: *const c_void) -> u32 {
        type Routine = extern "win64" fn(*const c_void) -> u32;
        // SAFETY: `CALL` is there, and is a function of this type.
        let routine: Routine = unsafe { std::mem::transmute(self.at(TEXT + AT_CALL)) };
        routine(address)
    }

    /// Has the driver call a routine of the kernel with up to two arguments.
    #[inline(never)]
    pub(crate) fn kernel(self, name: &str, arguments: [usize; 2]) -> usize {
        self.call_with(exports::resolve(exports::KERNEL, name).unwrap(), arguments)
    }

    /// Has the driver call an address with two arguments.
    #[inline(never)]
    pub(crate) fn call_with(self, address: usize, arguments: [usize; 2]) -> usize {
        type Routine = extern "win64" fn(usize, usize, usize) -> usize;
        // SAFETY: `CALL_WITH` is there, and is a function of this type.
        let routine: Routine = unsafe { std::mem::transmute(self.at(TEXT + AT_CALL_WITH)) };
        routine(address, arguments[0], arguments[1])
    }

    /// A routine of the kernel that takes one address.
    pub(crate) fn ask(self, name: &str, address: *const c_void) -> usize {
        self.kernel(name, [address.addr(), 0])
    }

    pub(crate) fn pages(self) -> Vec<PageTruth> {
        mm::pages(self.0)
    }

    pub(crate) fn state(self, offset: usize) -> PageState {
        self.pages()[offset / PAGE_SIZE].state
    }

    /// The pages that the memory manager may take, by number.
    pub(crate) fn pageable(self) -> Vec<usize> {
        self.numbers(|page| page.pageable)
    }

    /// The pages that are valid, by number.
    pub(crate) fn valid(self) -> Vec<usize> {
        self.numbers(|page| page.state == PageState::Valid)
    }

    fn numbers(self, wanted: impl Fn(&PageTruth) -> bool) -> Vec<usize> {
        let pages = self.pages();
        (0..pages.len()).filter(|&page| wanted(&pages[page])).collect()
    }
}
