//! Coverage of images that nobody instrumented: a breakpoint on each basic block, which goes away
//! when it is first hit.
//!
//! The image that is loaded is the file, byte by byte; then the first byte of each block becomes
//! `int3`, and when a processor comes by, the byte that was there is put back and the instruction
//! repeated. What has been covered therefore runs at full speed, and what this can tell is whether a
//! block was ever reached, not how often.
//!
//! The sections that hold ballast are left alone: the driver reads them as data.

use std::ffi::{c_int, c_void};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use iced_x86::{Decoder, DecoderOptions, FlowControl};
use object::LittleEndian as LE;
use object::pe::{
    IMAGE_DIRECTORY_ENTRY_EXCEPTION, IMAGE_SCN_MEM_DISCARDABLE, IMAGE_SCN_MEM_EXECUTE,
    ImageNtHeaders64,
};
use object::read::pe::PeFile;
use pagewise_contract::{BallastRegion, PAGE_SIZE};
use pagewise_lab::image;

use super::{feedback, session};

const INT3: u8 = 0xcc;

/// The images that are watched.
static WATCHED: [OnceLock<Watched>; session::IMAGES.len()] = [const { OnceLock::new() }; 2];

/// Where the next image's counters begin.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// The machine's own handler of traps.
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

/// One image.
struct Watched {
    name: &'static str,
    base: usize,
    /// By RVA. Empty where it has no blocks.
    blocks: Box<[Option<Block>]>,
    count: u32,
    covered: AtomicU32,
}

/// The first instruction of a basic block.
struct Block {
    /// What its first byte is.
    byte: u8,
    /// Which counter is its.
    counter: u32,
    /// Whether the breakpoint is still there.
    armed: AtomicBool,
}

/// Puts breakpoints on the blocks of a loaded image; `path` is its file.
///
/// # Errors
/// Where the file cannot be read.
pub fn watch(name: &'static str, path: &Path) -> io::Result<()> {
    let file = fs::read(path)?;
    let leaders = leaders(&file).map_err(io::Error::other)?;
    let loaded = image::by_name(name).ok_or_else(|| io::Error::other("it is not loaded"))?;
    let first = NEXT.fetch_add(leaders.len() as u32, Ordering::Relaxed);
    let mut blocks: Box<[Option<Block>]> = (0..loaded.size()).map(|_| None).collect();
    for (counter, &rva) in (first..).zip(&leaders) {
        // SAFETY: an executable section of a loaded image; a page that is out is brought in.
        let byte = unsafe { at(loaded.base() + rva as usize).read_volatile() };
        blocks[rva as usize] = Some(Block { byte, counter, armed: AtomicBool::new(true) });
    }
    let count = leaders.len() as u32;
    let watched = Watched { name, base: loaded.base(), blocks, count, covered: AtomicU32::new(0) };
    let place = session::IMAGES.iter().position(|image| *image == name);
    let slot = place.and_then(|place| WATCHED.get(place));
    let slot = slot.ok_or_else(|| io::Error::other("it is none of those that are watched"))?;
    let watched = slot.get_or_init(|| watched);
    install();
    for &rva in &leaders {
        put(watched.base + rva as usize, INT3);
    }
    Ok(())
}

/// How many blocks of each image were reached, and how many there are.
pub fn covered() -> impl Iterator<Item = (&'static str, u32, u32)> {
    WATCHED
        .iter()
        .filter_map(OnceLock::get)
        .map(|watched| (watched.name, watched.covered.load(Ordering::Relaxed), watched.count))
}

fn at(address: usize) -> *mut u8 {
    std::ptr::with_exposed_provenance_mut(address)
}

/// Writes a byte of code. Async-signal-safe. The page is valid: it has just been read or run.
fn put(address: usize, byte: u8) {
    let page = at(address & !(PAGE_SIZE - 1)).cast();
    let (run, both) =
        (libc::PROT_READ | libc::PROT_EXEC, libc::PROT_READ | libc::PROT_EXEC | libc::PROT_WRITE);
    // SAFETY: a page of an image's code, which no reference in Rust points into.
    unsafe { libc::mprotect(page, PAGE_SIZE, both) };
    // SAFETY: writable since the line before.
    unsafe { at(address).write_volatile(byte) };
    // SAFETY: as above; the access that the section's characteristics give.
    unsafe { libc::mprotect(page, PAGE_SIZE, run) };
}

/// Has breakpoints handled here, and every other trap where it was before.
fn install() {
    BEFORE.get_or_init(|| {
        let before = session::keep_handler(libc::SIGTRAP);
        let mut action = before;
        action.sa_sigaction = on_trap as *const () as usize;
        session::restore_handler(libc::SIGTRAP, &action);
        before
    });
}

extern "C" fn on_trap(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel gives a SA_SIGINFO handler a valid ucontext, which it owns meanwhile.
    let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let counter = &mut registers[libc::REG_RIP as usize];
    // The program counter is past the one byte.
    let address = counter.wrapping_sub(1);
    if hit(address as usize) {
        *counter = address;
        return;
    }
    let Some(before) = BEFORE.get() else { return };
    if before.sa_sigaction > libc::SIG_IGN {
        type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
        // SAFETY: the machine installed it with SA_SIGINFO, so it is of this type.
        let handler = unsafe { std::mem::transmute::<usize, Handler>(before.sa_sigaction) };
        handler(signal, info, context);
    }
}

/// Takes a breakpoint away; false where there never was one.
fn hit(address: usize) -> bool {
    let block = WATCHED.iter().filter_map(OnceLock::get).find_map(|watched| {
        let block = watched.blocks.get(address.wrapping_sub(watched.base))?.as_ref()?;
        Some((watched, block))
    });
    let Some((watched, block)) = block else { return false };
    // Where another thread was faster, the instruction is there again.
    if block.armed.swap(false, Ordering::AcqRel) {
        put(address, block.byte);
        watched.covered.fetch_add(1, Ordering::Relaxed);
        feedback::block(block.counter as usize);
    }
    true
}

/// The RVAs at which basic blocks begin: functions, by the exception directory, targets of jumps
/// within them, and what follows a jump. No code of LLVM's has data between its instructions.
fn leaders(file: &[u8]) -> Result<Vec<u32>, object::Error> {
    let image = PeFile::<ImageNtHeaders64>::parse(file)?;
    let sections = image.section_table();
    let is_watched = |rva: u32| {
        sections.iter().any(|section| {
            let start = section.virtual_address.get(LE);
            let flags = section.characteristics.get(LE);
            let ballast = BallastRegion::ALL
                .iter()
                .any(|it| it.section_name().as_bytes() == section.raw_name());
            (start..start + section.virtual_size.get(LE)).contains(&rva)
                && flags & IMAGE_SCN_MEM_EXECUTE != 0
                && flags & IMAGE_SCN_MEM_DISCARDABLE == 0
                && !ballast
        })
    };
    let directory = image.data_directory(IMAGE_DIRECTORY_ENTRY_EXCEPTION);
    let table = directory.map(|it| it.data(file, &sections)).transpose()?.unwrap_or_default();
    let mut leaders = Vec::new();
    for entry in table.chunks_exact(12) {
        let word = |at: usize| entry[at..].first_chunk().map_or(0, |it| u32::from_le_bytes(*it));
        let (start, end) = (word(0), word(4));
        let code = sections.pe_data_at(file, start);
        if let Some(code) = code.and_then(|code| code.get(..end.saturating_sub(start) as usize))
            && is_watched(start)
        {
            of_function(code, start, &mut leaders);
        }
    }
    leaders.sort_unstable();
    leaders.dedup();
    Ok(leaders)
}

fn of_function(code: &[u8], start: u32, leaders: &mut Vec<u32>) {
    let end = start + code.len() as u32;
    let mut decoder = Decoder::with_ip(64, code, start.into(), DecoderOptions::NONE);
    let (mut instructions, mut wanted) = (Vec::new(), vec![start]);
    while decoder.can_decode() {
        let instruction = decoder.decode();
        if instruction.is_invalid() {
            break;
        }
        instructions.push(instruction.ip() as u32);
        match instruction.flow_control() {
            FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch => {
                wanted.push(instruction.near_branch_target() as u32);
                wanted.push(instruction.next_ip() as u32);
            }
            FlowControl::Return | FlowControl::IndirectBranch | FlowControl::Exception => {
                wanted.push(instruction.next_ip() as u32);
            }
            _ => {}
        }
    }
    // Padding decodes as well; and a target must be the first byte of an instruction.
    let is_code = |rva: &u32| {
        (start..end).contains(rva)
            && instructions.binary_search(rva).is_ok()
            && code[(rva - start) as usize] != INT3
    };
    leaders.extend(wanted.into_iter().filter(is_code));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_begin_at_functions_targets_and_behind_jumps() {
        // test ecx, ecx; je +2; inc eax; ret; int3; xor eax, eax; ret
        let code = [0x85, 0xc9, 0x74, 0x04, 0xff, 0xc0, 0xc3, 0xcc, 0x31, 0xc0, 0xc3];
        let mut leaders = Vec::new();
        of_function(&code, 0x1000, &mut leaders);
        leaders.sort_unstable();
        assert_eq!(leaders, [0x1000, 0x1004, 0x1008]);
    }
}
