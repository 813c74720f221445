//! Who called the machine: the frames of drivers, from a routine that they import outwards.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::memory::{Blocks, Memory};
use super::{ReadStack as _, pe};
use crate::bugcheck::registers::Registers;
use crate::image::{self, Image};
use crate::mm;
use crate::verifier::intercept;

/// The content of images, by their base addresses, as they were when first asked for.
static IMAGES: Mutex<Option<HashMap<usize, Content>>> = Mutex::new(None);

/// Which image it is, and its bytes.
type Content = (u64, Arc<Vec<u8>>);

/// The return addresses in drivers, innermost first, as far as drivers called each other; at most
/// `most`. `frame` is the place of the first one: the stack pointer as the routine was entered.
///
/// Frames are followed by the stack pointer alone. The walk ends at a function that needs more, as
/// it does at the machine's own.
pub(crate) fn callers(frame: usize, most: usize) -> Vec<(&'static Image, u32)> {
    static MEMORY: OnceLock<Option<Memory>> = OnceLock::new();
    let mut callers = Vec::new();
    let Some(memory) = MEMORY.get_or_init(|| Memory::open().ok()) else { return callers };
    let memory = &Blocks::new(memory);
    let Some(back) = memory.read(frame as u64) else { return callers };
    let mut registers = Registers::default();
    registers.set_rsp(intercept::frame_of_driver(frame, back) as u64);
    if pe::unwind_leaf(&mut registers, memory).is_none() {
        return callers;
    }
    while let Some(image) = image::find(registers.rip as usize) {
        let rva = (registers.rip as usize - image.base()) as u32;
        callers.push((image, rva));
        let before = registers.rsp();
        // A return address may be the first of the next function, where a call never returns.
        let within = rva.saturating_sub(1);
        let unwound = pe::unwind(&content(image), within, false, &mut registers, memory);
        if callers.len() >= most || unwound.is_none() || registers.rsp() <= before {
            break;
        }
    }
    callers
}

fn content(image: &'static Image) -> Arc<Vec<u8>> {
    let mut images = IMAGES.lock().unwrap_or_else(PoisonError::into_inner);
    let images = images.get_or_insert_default();
    let fresh = || (image.sequence(), Arc::new(mm::snapshot(image.base())));
    let entry = images.entry(image.base()).or_insert_with(fresh);
    // Another image may have been there before.
    if entry.0 != image.sequence() {
        *entry = fresh();
    }
    Arc::clone(&entry.1)
}

#[cfg(test)]
mod tests {
    use std::arch::naked_asm;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::testing::child::{survives, test_path};
    use crate::testing::driver::{Driver, TEXT};

    static FOUND: AtomicUsize = AtomicUsize::new(0);

    #[unsafe(naked)]
    extern "win64" fn routine() {
        naked_asm!("mov rcx, rsp", "jmp {}", sym note)
    }

    extern "win64" fn note(frame: usize) {
        let [(image, rva)] = callers(frame, 8)[..] else { return };
        assert_eq!(image.name(), "tiny.sys");
        FOUND.store(rva as usize, Ordering::Relaxed);
    }

    #[test]
    fn the_driver_s_frames_are_found_and_the_machine_s_end_them() {
        survives(test_path!(), || {
            let driver = Driver::load();
            driver.call(routine as *const _);
            // After `sub rsp, 28h; call rcx`.
            assert_eq!(FOUND.load(Ordering::Relaxed), TEXT + 0x20 + 6);
        });
    }
}
