//! Stand-ins for unit tests: a PE header, a kernel that stops where the real one would, and a
//! request whose two buffers are one.

use std::vec::Vec;

use pagewise_contract::{
    BALLAST_REGION_BYTES, BallastRegion, MAX_SECTIONS, PAGE_SIZE, Returned, SectionKind, code_byte,
    code_value, constant_byte, filled_byte,
};

use crate::clock::Counter;
use crate::image::Image;
use crate::kernel::{Answer, CodePage, Kernel, LivePage, WritablePage};
use crate::refusal::Refusal;
use crate::request::Request;

/// Name, pages and characteristics, after one page of headers.
pub const DEFAULT_SECTIONS: [([u8; 8], u32, u32); 6] = [
    (*b".text\0\0\0", 3, 0x6800_0020),
    (*b".data\0\0\0", 2, 0xc800_0040),
    (*b"PAGE\0\0\0\0", 1, 0x6000_0020),
    (*b"PAGECODE", 4, 0x6000_0020),
    (*b"PAGEDATA", 4, 0xc000_0040),
    (*b"INIT\0\0\0\0", 1, 0x6200_0020),
];

const CODE_PAGE: u32 = 7;

/// Builds PE headers.
pub struct Builder {
    pub sections: Vec<([u8; 8], u32, u32)>,
}

impl Default for Builder {
    fn default() -> Self {
        Self { sections: DEFAULT_SECTIONS.to_vec() }
    }
}

impl Builder {
    pub const NT_HEADERS: usize = 0x80;
    pub const SECTION_TABLE: usize = Self::NT_HEADERS + 24 + 240;

    pub fn headers(&self) -> Vec<u8> {
        let mut bytes = std::vec![0; PAGE_SIZE];
        let mut put = |offset: usize, value: &[u8]| {
            bytes[offset..offset + value.len()].copy_from_slice(value);
        };
        let nt = Self::NT_HEADERS;
        put(0, b"MZ");
        put(60, &(nt as u32).to_le_bytes());
        put(nt, b"PE\0\0");
        put(nt + 4, &0x8664_u16.to_le_bytes());
        put(nt + 6, &(self.sections.len() as u16).to_le_bytes());
        put(nt + 20, &240_u16.to_le_bytes());
        put(nt + 24, &0x20b_u16.to_le_bytes());
        put(nt + 24 + 32, &(PAGE_SIZE as u32).to_le_bytes());
        let mut page = 1;
        for (index, (name, pages, characteristics)) in self.sections.iter().enumerate() {
            let header = Self::SECTION_TABLE + 40 * index;
            put(header, name);
            put(header + 8, &(pages * PAGE_SIZE as u32 - 0xfff).to_le_bytes());
            put(header + 12, &(page * PAGE_SIZE as u32).to_le_bytes());
            put(header + 36, &characteristics.to_le_bytes());
            page += pages;
        }
        put(nt + 24 + 56, &(page * PAGE_SIZE as u32).to_le_bytes());
        bytes
    }

    pub fn image(&self) -> Image {
        Image::walk(&self.headers()).expect("the builder builds valid headers")
    }
}

/// A memory manager that panics where the real one stops the machine, and where what it does is
/// documented nowhere.
#[derive(Clone, Debug, PartialEq)]
pub struct FakeKernel {
    image: Image,
    pub answer: Answer,
    pub overridden: bool,
    pub refuses_locks: bool,
    pub damaged_code: bool,
    pub locks: [u32; MAX_SECTIONS],
    pub valid: [bool; 16],
    pub written: Vec<u32>,
    touches: u64,
    ballast: Vec<Vec<u8>>,
}

impl FakeKernel {
    pub fn new(image: &Image) -> Self {
        let linked = |region: BallastRegion| {
            let byte = |index| match region {
                _ if region.is_code() => code_byte(region, index),
                _ if region.is_writable() => filled_byte(region, 0, index),
                _ => constant_byte(region, index),
            };
            (0..BALLAST_REGION_BYTES).map(byte).collect()
        };
        Self {
            image: image.clone(),
            answer: Answer { returned: Returned::ImageBase, rva: 0 },
            overridden: false,
            refuses_locks: false,
            damaged_code: false,
            locks: [0; MAX_SECTIONS],
            valid: [false; 16],
            written: Vec::new(),
            touches: 0,
            ballast: BallastRegion::ALL.into_iter().map(linked).collect(),
        }
    }

    fn touch(&mut self, page: u32) {
        assert_ne!(self.kind_of(page), SectionKind::Discardable, "bug check 0x50");
        self.valid[page as usize] = true;
        self.touches += 1;
    }

    fn kind_of(&self, page: u32) -> SectionKind {
        let (section, _) =
            self.image.runs(page..page + 1).next().expect("the page is in the image");
        section.kind().expect("the kind is known")
    }
}

impl Kernel for FakeKernel {
    fn page_entire(&mut self) -> Answer {
        assert_eq!(self.locks, [0; MAX_SECTIONS], "page-entire with locks is undocumented");
        self.overridden = true;
        self.answer
    }

    fn reset(&mut self) {
        self.overridden = false;
    }

    fn lock(&mut self, section: usize, first_page: u32) -> Result<(), Refusal> {
        assert!(!self.overridden, "a lock of a paged image is undocumented");
        assert_eq!(self.kind_of(first_page), SectionKind::Pageable, "bug check 0x1A, 0x1234");
        if self.refuses_locks {
            return Err(Refusal::InsufficientResources);
        }
        self.locks[section] += 1;
        Ok(())
    }

    fn unlock(&mut self, section: usize) {
        assert!(!self.overridden, "an unlock of a paged image is undocumented");
        assert_ne!(self.locks[section], 0, "bug check 0x1A, 0x1010");
        self.locks[section] -= 1;
    }

    fn is_valid(&self, page: LivePage) -> bool {
        assert_ne!(self.kind_of(page.number()), SectionKind::Discardable, "freed memory");
        self.valid[page.number() as usize]
    }

    fn read(&mut self, page: LivePage) {
        self.touch(page.number());
    }

    fn write(&mut self, page: WritablePage) {
        self.touch(page.page().number());
        self.written.push(page.page().number());
    }

    fn execute(&mut self, page: CodePage) -> u32 {
        self.touch(self.ballast_page(page.region()) + page.index() as u32);
        if self.damaged_code { 0 } else { code_value(page.region(), page.index()) }
    }

    fn counter(&self) -> Counter {
        Counter { ticks: self.touches, frequency: 1_000_000_000 }
    }

    fn ballast_page(&self, region: BallastRegion) -> u32 {
        match region {
            BallastRegion::PageableCode => CODE_PAGE,
            // Nowhere near.
            _ => 0x1000 * (region as u32 + 1),
        }
    }

    fn ballast(&self, region: BallastRegion) -> &[u8] {
        &self.ballast[region as usize]
    }

    fn ballast_mut(&mut self, region: BallastRegion) -> Option<&mut [u8]> {
        region.is_writable().then(|| &mut self.ballast[region as usize][..])
    }
}

/// A `METHOD_BUFFERED` request: one buffer, as long as the longer of input and output.
pub struct Buffered {
    buffer: Vec<u8>,
    input: usize,
    output: usize,
}

impl Buffered {
    pub fn new(input: &[u8], output: usize) -> Self {
        let mut buffer = input.to_vec();
        buffer.resize(input.len().max(output), 0xcd);
        Self { buffer, input: input.len(), output }
    }

    pub fn reply(mut self, written: usize) -> Vec<u8> {
        assert!(written <= self.output, "more told than there is room for");
        self.buffer.truncate(written);
        self.buffer
    }
}

impl Request for Buffered {
    fn input_length(&self) -> usize {
        self.input
    }

    fn input(&mut self, least: usize) -> Result<&[u8], Refusal> {
        if self.input < least {
            return Err(Refusal::BufferTooSmall);
        }
        Ok(&self.buffer[..self.input])
    }

    fn output(&mut self, least: usize) -> Result<&mut [u8], Refusal> {
        if self.output < least {
            return Err(Refusal::BufferTooSmall);
        }
        Ok(&mut self.buffer[..self.output])
    }
}
