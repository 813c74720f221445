//! A client's request: `DeviceIoControl`, `ReadFile` or `WriteFile`, from the check of its access to
//! its output.
//!
//! The IRP is sent in the client's own thread. Where the drivers complete it before they return,
//! that thread goes on with it; where they don't, whoever completes it later tells the
//! [`Requester`].

use std::ffi::c_void;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pagewise_lab_nt as nt;

use super::file::USER_MODE;
use super::mdl::Mdl;
use super::operation::{Ask, Operation};
use super::sync::routine_of;
use super::verify::{self, Violation};
use super::{Device, Irp, OpenFile, StackLocation, call, cancel};
use crate::ex;

/// `IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER`
const BUFFERED: u32 = 0x30;
/// `IRP_INPUT_OPERATION`
const INPUT_OPERATION: u32 = 0x40;
/// `IRP_READ_OPERATION`
const READ_OPERATION: u32 = 0x100;
/// `IRP_WRITE_OPERATION`
const WRITE_OPERATION: u32 = 0x200;

/// What a buffer holds before a driver writes to it, so that bytes a driver forgot show.
const POISON: u8 = 0xA5;

/// Who sent a request.
pub trait Requester: Send + Sync {
    /// A request that was pending is complete. Called in whatever thread and at whatever IRQL it
    /// was completed, hence no blocking.
    fn completed(&self, request: &Request);
}

/// A request and its memory, both used again for the next one.
pub struct Request {
    irp: Irp,
    /// The system buffer of a buffered request, the input of the others.
    buffer: Buffer,
    /// The output of direct and neither requests.
    output: Buffer,
    mdl: Option<Mdl>,
    /// Whether the request is buffered: its output is in `buffer`.
    buffered: bool,
    output_length: usize,
    /// The client's number for it.
    id: u64,
    phase: AtomicU8,
    file: Mutex<Option<Arc<OpenFile>>>,
    requester: Option<Arc<dyn Requester>>,
}

// SAFETY: the buffers are the driver's from the call to the completion, and the requester's after.
unsafe impl Send for Request {}
// SAFETY: as above; until it is complete, nothing but the phase is looked at.
unsafe impl Sync for Request {}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("id", &self.id).field("irp", &self.irp).finish()
    }
}

/// The drivers have it and have not returned.
const DISPATCHING: u8 = 0;
/// The drivers have returned without completing it.
const PENDING: u8 = 1;
/// It is complete.
const COMPLETE: u8 = 2;

/// 16-aligned memory that grows and never shrinks.
#[derive(Default)]
struct Buffer {
    words: Vec<u128>,
}

impl Buffer {
    /// `input`, then poison up to `length` bytes; null where that is nothing.
    fn fill(&mut self, input: &[u8], length: usize) -> *mut c_void {
        let length = length.max(input.len());
        if length == 0 {
            return ptr::null_mut();
        }
        self.words.resize(length.div_ceil(size_of::<u128>()), 0);
        let start = self.words.as_mut_ptr().cast::<u8>();
        // SAFETY: the vector has `length` bytes at least.
        let bytes = unsafe { slice::from_raw_parts_mut(start, length) };
        let (head, tail) = bytes.split_at_mut(input.len());
        head.copy_from_slice(input);
        tail.fill(POISON);
        start.cast()
    }
}

/// Where a request that was started is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// Complete.
    Complete,
    /// With the drivers; the requester will be told.
    Pending,
}

impl Request {
    /// A request for a stack of `stack_size` devices. `None` where there is no memory.
    #[must_use]
    pub fn new(stack_size: i8) -> Option<Arc<Self>> {
        Some(Arc::new(Self {
            irp: Irp::allocate(stack_size)?,
            buffer: Buffer::default(),
            output: Buffer::default(),
            mdl: None,
            buffered: true,
            output_length: 0,
            id: 0,
            phase: AtomicU8::new(COMPLETE),
            file: Mutex::default(),
            requester: None,
        }))
    }

    /// Sends a request for `file`. `park` is called when the drivers have returned without
    /// completing it, before anyone can be told of its completion.
    ///
    /// # Errors
    /// `STATUS_ACCESS_DENIED` where the handle was not opened for what the request requires
    /// (learn.microsoft.com/windows-hardware/drivers/kernel/defining-i-o-control-codes);
    /// `STATUS_INSUFFICIENT_RESOURCES`. No driver has seen the request then.
    ///
    /// # IRQL
    /// `PASSIVE_LEVEL`.
    pub fn start<'a>(
        self: &mut Arc<Self>,
        file: &Arc<OpenFile>,
        ask: impl Into<Ask<'a>>,
        requester: &Arc<dyn Requester>,
        park: impl FnOnce(&Arc<Self>),
    ) -> Result<Started, i32> {
        let ask = ask.into();
        if ask.operation.required() & !file.granted() != 0 {
            return Err(nt::STATUS_ACCESS_DENIED);
        }
        let top = file.device().ok_or(nt::STATUS_NO_SUCH_DEVICE)?.top();
        // A request that someone else still looks at is not used again.
        let reusable =
            Arc::get_mut(self).is_some_and(|it| it.irp.stack_count() >= top.stack_size());
        if !reusable {
            *self = Self::new(top.stack_size()).ok_or(nt::STATUS_INSUFFICIENT_RESOURCES)?;
        }
        let own = Arc::get_mut(self).ok_or(nt::STATUS_INSUFFICIENT_RESOURCES)?;
        own.prepare(file, top, ask);
        own.requester = Some(Arc::clone(requester));
        Ok(self.send(top, park))
    }

    fn prepare(&mut self, file: &Arc<OpenFile>, top: Device, ask: Ask<'_>) {
        let irp = self.irp;
        irp.reset();
        irp.set_requestor_mode(USER_MODE);
        irp.set_original_file(file.file().as_ptr());
        irp.set_thread(crate::ps::current_thread().cast());
        let location = irp.next();
        location.begin(ask.operation.major(), 0, Some(file.file()));
        self.output_length = ask.output_length as usize;
        self.mdl = None;
        match ask.operation {
            Operation::Control { code, input, output } => {
                location.set_control_code(code);
                location.set_input_length(u32::try_from(input.len()).unwrap_or(u32::MAX));
                location.set_output_length(ask.output_length);
                self.control_buffers(location, code & 3, input, output);
            }
            Operation::Read { offset } => {
                irp.set_flags(READ_OPERATION);
                self.transfer_buffers(location, top, offset, &[], ask.output_length);
            }
            Operation::Write { offset, data } => {
                let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
                irp.set_flags(WRITE_OPERATION);
                self.transfer_buffers(location, top, offset, data, length);
            }
        }
        self.id = ask.id;
        self.file = Mutex::new(Some(Arc::clone(file)));
        *self.phase.get_mut() = DISPATCHING;
    }

    /// The buffers of a control request by its transfer type, as
    /// learn.microsoft.com/windows-hardware/drivers/kernel/buffer-descriptions-for-i-o-control-codes
    /// has it.
    fn control_buffers(
        &mut self,
        location: StackLocation,
        method: u32,
        input: &[u8],
        output: &[u8],
    ) {
        let irp = self.irp;
        self.buffered = method == nt::METHOD_BUFFERED;
        match method {
            nt::METHOD_BUFFERED => {
                let buffer = self.buffer.fill(input, self.output_length);
                irp.set_system_buffer(buffer);
                irp.set_flags(if buffer.is_null() { 0 } else { BUFFERED | INPUT_OPERATION });
            }
            nt::METHOD_NEITHER => {
                location.set_type3_input(self.buffer.fill(input, 0));
                irp.set_user_buffer(self.output.fill(output, self.output_length));
            }
            _ => {
                irp.set_system_buffer(self.buffer.fill(input, 0));
                irp.set_flags(if input.is_empty() { 0 } else { BUFFERED });
                let output = self.output.fill(output, self.output_length);
                self.describe(output, u32::try_from(self.output_length).unwrap_or(u32::MAX));
            }
        }
    }

    /// The buffer of a read or a write, by the flags of the device, as
    /// learn.microsoft.com/windows-hardware/drivers/kernel/methods-for-accessing-data-buffers has it.
    fn transfer_buffers(
        &mut self,
        location: StackLocation,
        top: Device,
        offset: u64,
        data: &[u8],
        length: u32,
    ) {
        let irp = self.irp;
        location.set_transfer_length(length);
        location.set_transfer_offset(offset.cast_signed());
        self.buffered = top.flags() & nt::DO_BUFFERED_IO != 0;
        if self.buffered {
            let buffer = self.buffer.fill(data, length as usize);
            irp.set_system_buffer(buffer);
            let input = if data.is_empty() { INPUT_OPERATION } else { 0 };
            irp.set_flags(irp.flags() | if buffer.is_null() { 0 } else { BUFFERED | input });
            return;
        }
        let buffer = self.output.fill(data, length as usize);
        if top.flags() & nt::DO_DIRECT_IO != 0 {
            self.describe(buffer, length);
        } else {
            irp.set_user_buffer(buffer);
        }
    }

    fn describe(&mut self, buffer: *mut c_void, length: u32) {
        self.mdl = Mdl::of_locked(buffer, length);
        self.irp.set_mdl(self.mdl.as_ref().map_or(ptr::null_mut(), Mdl::as_ptr));
    }

    fn send(self: &Arc<Self>, top: Device, park: impl FnOnce(&Arc<Self>)) -> Started {
        // The IRP's own reference, until it is complete.
        let context = Arc::into_raw(Arc::clone(self));
        self.irp.set_finish(finish, context.cast_mut().cast());
        // SAFETY: the IRP is ours, and its next location is filled in.
        let returned = unsafe { call(top, self.irp) };
        let complete = self.phase.load(Ordering::Acquire) == COMPLETE;
        if returned != nt::STATUS_PENDING {
            self.verify(top, complete, returned);
        }
        if !complete {
            park(self);
            let parked = self.phase.compare_exchange(
                DISPATCHING,
                PENDING,
                Ordering::AcqRel,
                Ordering::Acquire,
            );
            if parked.is_ok() {
                return Started::Pending;
            }
        }
        // SAFETY: the IRP is complete, and nobody else takes its reference: `finish` leaves it
        // where the drivers have not returned.
        drop(unsafe { Arc::from_raw(context) });
        Started::Complete
    }

    fn verify(&self, top: Device, complete: bool, returned: i32) {
        let (routine, irp) = (routine_of(top), self.irp.address());
        if !complete {
            verify::fail(Violation::Forgotten, [routine, irp, top.address()]);
        }
        if returned != self.irp.status() {
            let returned = u64::from(returned.cast_unsigned());
            verify::fail(Violation::StatusMismatch, [routine, irp, returned]);
        }
    }

    /// Asks the drivers to end it, as `CancelIoEx` does.
    ///
    /// # IRQL
    /// <= `DISPATCH_LEVEL`.
    pub fn cancel(&self) {
        // SAFETY: the IRP is freed with the request, which the caller holds.
        unsafe { cancel(self.irp) };
    }

    /// The client's number for it.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// NTSTATUS, once it is complete.
    #[must_use]
    pub fn status(&self) -> i32 {
        self.irp.status()
    }

    /// `IoStatus.Information` as the client gets it, and the output: that many bytes, but no more
    /// than it has room for. Of a failed request it gets neither, warnings excepted ("Success,
    /// Error, and Warning Status for IRP Completion" in Microsoft's white paper "Handling IRPs").
    #[must_use]
    pub fn result(&self) -> (u32, &[u8]) {
        const ERROR: u32 = 3;
        if self.status().cast_unsigned() >> 30 == ERROR {
            return (0, &[]);
        }
        let information = u32::try_from(self.irp.information()).unwrap_or(u32::MAX);
        let buffer = if self.buffered { &self.buffer } else { &self.output };
        let bytes = (information as usize).min(self.output_length);
        if bytes == 0 {
            return (information, &[]);
        }
        // SAFETY: the drivers are done with the buffer, which has `output_length` bytes at least.
        let output = unsafe { slice::from_raw_parts(buffer.words.as_ptr().cast(), bytes) };
        (information, output)
    }

    /// Lets go of the file. A request that is complete keeps none open, whoever still looks at it.
    ///
    /// # IRQL
    /// `PASSIVE_LEVEL`: with the file's last reference `IRP_MJ_CLOSE` is sent.
    pub fn release_file(&self) {
        drop(self.take_file());
    }

    fn take_file(&self) -> Option<Arc<OpenFile>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Lets go of the file and the requester, so that the request can wait for its next use.
    ///
    /// # IRQL
    /// `PASSIVE_LEVEL`: with the file's last reference `IRP_MJ_CLOSE` is sent.
    pub fn retire(self: &mut Arc<Self>) {
        if let Some(own) = Arc::get_mut(self) {
            own.release_file();
            own.requester = None;
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        // SAFETY: a request that is dropped is complete or was never sent.
        unsafe { self.irp.free() };
        // With a file's last reference IRP_MJ_CLOSE is sent: not from within a driver.
        if let Some(last) = self.take_file().and_then(Arc::into_inner) {
            ex::queue_system_work(Box::new(move || drop(last)));
        }
    }
}

/// The end of a client's IRP.
unsafe fn finish(_irp: Irp, context: *mut c_void) {
    let request = context.cast_const().cast::<Request>();
    // SAFETY: the IRP holds a reference to its request.
    let phase = unsafe { &(*request).phase };
    if phase.swap(COMPLETE, Ordering::AcqRel) == DISPATCHING {
        // The drivers have not returned yet; their caller goes on.
        return;
    }
    // SAFETY: the IRP's reference, which nobody takes once the drivers have returned.
    let request = unsafe { Arc::from_raw(request) };
    if let Some(requester) = &request.requester {
        requester.completed(&request);
    }
}
