//! A function of a driver on the stack, and its caller.

use std::slice;

use super::context::Context;
use crate::bugcheck::stack::ReadStack;
use crate::bugcheck::stack::pe::{self, Handler, MOST_CHAINED, RuntimeFunction, UnwindInfo};
use crate::bugcheck::{Register, Registers};
use crate::image::{self, Image};
use crate::mm::peek;

/// The registers with which a function waits for a call to return, or was stopped.
#[derive(Clone, Copy)]
pub(super) struct Waiting {
    pub(super) registers: Registers,
    pub(super) vectors: [[u8; 16]; 16],
    at: Where,
}

/// Where in a function the program is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// In front of what follows a call.
    Calling,
    /// At an instruction that the processor refused.
    Stopped,
}

/// A function of an image that has unwind information.
pub(super) struct Frame {
    pub(super) image: &'static Image,
    pub(super) function: RuntimeFunction,
    /// What the function's handler knows its frame by.
    pub(super) establisher: u64,
    pub(super) handler: Option<Handler>,
    /// Where it is: the call that has not returned, not the instruction after it.
    pub(super) control_pc: u64,
}

impl Waiting {
    /// The innermost.
    pub(super) fn innermost(context: &Context, at: Where) -> Self {
        Self { registers: context.registers(), vectors: context.vectors, at }
    }

    /// As a context to go on with.
    pub(super) fn context(&self, eflags: u32) -> Context {
        Context::new(&self.registers, self.vectors, eflags)
    }

    /// The same place in the function, where it is to go on at `rip` with `value` in RAX.
    pub(super) fn going_on(mut self, rip: u64, value: u64) -> Self {
        self.registers.set(Register::Rax, value);
        self.registers.rip = rip;
        self
    }

    fn control_pc(&self) -> u64 {
        // A return address may be the first of what is no longer inside.
        match self.at {
            Where::Stopped => self.registers.rip,
            Where::Calling => self.registers.rip.wrapping_sub(1),
        }
    }

    /// The function, and its caller. Nothing where it is none of an image's.
    pub(super) fn step(&self) -> Option<(Option<Frame>, Self)> {
        let control_pc = self.control_pc();
        let image = image::find(usize::try_from(control_pc).ok()?)?;
        let content = content(image);
        let rva = u32::try_from(control_pc - image.base() as u64).ok()?;
        let mut caller = Self { at: Where::Calling, ..*self };
        let mut frame = None;
        if let Some(function) = pe::find(content, rva) {
            frame = Some(self.frame(image, content, function, control_pc)?);
            restore_vectors(content, function, &self.registers, &mut caller.vectors)?;
        }
        let stopped = self.at == Where::Stopped;
        pe::unwind(content, rva, stopped, &mut caller.registers, &Live)?;
        // A stack shrinks as it is unwound; what does not is not a stack.
        (caller.registers.rsp() > self.registers.rsp()).then_some((frame, caller))
    }

    fn frame(
        &self,
        image: &'static Image,
        content: &[u8],
        function: RuntimeFunction,
        control_pc: u64,
    ) -> Option<Frame> {
        let info = UnwindInfo::at(content, function.unwind)?;
        let establisher = info.frame_base(&self.registers);
        let mut handler = info.handler;
        let mut chained = info.chained;
        for _ in 0..MOST_CHAINED {
            let Some(function) = chained else { break };
            let info = UnwindInfo::at(content, function.unwind)?;
            (handler, chained) = (info.handler, info.chained);
        }
        Some(Frame { image, function, establisher, handler, control_pc })
    }
}

/// Puts the vector registers that a function saved back to what its caller had in them.
fn restore_vectors(
    image: &[u8],
    function: RuntimeFunction,
    registers: &Registers,
    vectors: &mut [[u8; 16]; 16],
) -> Option<()> {
    let mut next = Some(function);
    for _ in 0..MOST_CHAINED {
        let Some(function) = next else { break };
        let info = UnwindInfo::at(image, function.unwind)?;
        let base = info.frame_base(registers);
        for (number, distance) in info.vector_saves() {
            let place = base.wrapping_add(distance);
            let (low, high) = (Live.read(place)?, Live.read(place.wrapping_add(8))?);
            let saved = vectors.get_mut(usize::from(number))?;
            *saved = (u128::from(high) << 64 | u128::from(low)).to_le_bytes();
        }
        next = info.chained;
    }
    Some(())
}

/// An image as the driver sees it: a page that is out is brought in.
pub(super) fn content(image: &'static Image) -> &'static [u8] {
    // SAFETY: the image is mapped as long as one of its functions runs, which is now; what is read is
    // headers and tables, which nobody writes to.
    unsafe { slice::from_raw_parts(std::ptr::with_exposed_provenance(image.base()), image.size()) }
}

/// The stack of this thread, read by the host: unwind information may be hostile.
struct Live;

impl ReadStack for Live {
    fn read(&self, address: u64) -> Option<u64> {
        let mut word = [0; 8];
        peek(address, &mut word).then(|| u64::from_le_bytes(word))
    }
}
