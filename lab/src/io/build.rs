//! IRPs that drivers have the I/O manager build: it ends them too.

use std::ffi::c_void;
use std::ptr;
use std::slice;

use pagewise_lab_nt as nt;

use super::mdl::Mdl;
use super::{Device, Irp};
use crate::ke::event;

/// What such an IRP holds until its end.
struct Built {
    buffer: Vec<u128>,
    mdl: Option<Mdl>,
    output: *mut c_void,
    output_length: usize,
    buffered: bool,
}

impl Built {
    fn start(&mut self) -> *mut c_void {
        if self.buffer.is_empty() { ptr::null_mut() } else { self.buffer.as_mut_ptr().cast() }
    }
}

/// Builds a device control request that the caller sends with `IoCallDriver` and waits for by
/// `event`. Null where there is no memory.
///
/// Page: wdm/nf-wdm-iobuilddeviceiocontrolrequest.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `device` is a device object; the buffers have their lengths and, like `event` and `iosb`, stay
/// until the request is complete.
pub unsafe extern "win64" fn IoBuildDeviceIoControlRequest(
    code: u32,
    device: *mut nt::DEVICE_OBJECT,
    input: *mut c_void,
    input_length: u32,
    output: *mut c_void,
    output_length: u32,
    internal: u8,
    event: *mut nt::KEVENT,
    iosb: *mut nt::IO_STATUS_BLOCK,
) -> *mut nt::IRP {
    // SAFETY: the caller vouches for the device.
    let Some(device) = (unsafe { Device::from_raw(device) }) else { return ptr::null_mut() };
    let Some(irp) = Irp::allocate(device.stack_size()) else { return ptr::null_mut() };
    let input: &[u8] = match input_length {
        0 => &[],
        // SAFETY: the caller vouches for the input.
        length => unsafe { slice::from_raw_parts(input.cast(), length as usize) },
    };
    let method = code & 3;
    let buffered = method == nt::METHOD_BUFFERED;
    let room = if buffered { input_length.max(output_length) } else { input_length } as usize;
    let mut built = Box::new(Built {
        buffer: vec![0; if method == nt::METHOD_NEITHER { 0 } else { room.div_ceil(16) }],
        mdl: None,
        output,
        output_length: output_length as usize,
        buffered,
    });
    let location = irp.next();
    let major = match internal {
        0 => nt::IRP_MJ_DEVICE_CONTROL,
        _ => nt::IRP_MJ_INTERNAL_DEVICE_CONTROL,
    };
    location.begin(major, 0, None);
    location.set_control_code(code);
    location.set_input_length(input_length);
    location.set_output_length(output_length);
    irp.set_user_buffer(output);
    if method == nt::METHOD_NEITHER {
        location.set_type3_input(input.as_ptr().cast_mut().cast());
    } else {
        let start = built.start();
        irp.set_system_buffer(start);
        if !start.is_null() {
            // SAFETY: the buffer has the input's length at least, and is new.
            unsafe { start.cast::<u8>().copy_from_nonoverlapping(input.as_ptr(), input.len()) };
        }
    }
    if !buffered && method != nt::METHOD_NEITHER {
        built.mdl = Mdl::of_locked(output, output_length);
        irp.set_mdl(built.mdl.as_ref().map_or(ptr::null_mut(), Mdl::as_ptr));
    }
    irp.set_user_event(event);
    irp.set_user_iosb(iosb);
    irp.set_thread(crate::ps::current_thread().cast());
    irp.set_finish(finish, Box::into_raw(built).cast());
    irp.as_ptr()
}

/// The end of such an IRP: its output, its status and its event go to the driver that asked for
/// it, and it is freed.
unsafe fn finish(irp: Irp, context: *mut c_void) {
    const ERROR: u32 = 3;
    // SAFETY: the builder gave it, and the end comes once.
    let mut built = unsafe { Box::from_raw(context.cast::<Built>()) };
    let (status, information) = (irp.status(), irp.information());
    if built.buffered && status.cast_unsigned() >> 30 != ERROR {
        let bytes = built.output_length.min(information as usize);
        let start = built.start();
        if bytes > 0 && !start.is_null() {
            // SAFETY: both have the output's length; the driver keeps its own until now.
            unsafe { built.output.cast::<u8>().copy_from_nonoverlapping(start.cast(), bytes) };
        }
    }
    let (iosb, event) = (irp.user_iosb(), irp.user_event());
    // SAFETY: it is complete.
    unsafe { irp.free() };
    if !iosb.is_null() {
        // SAFETY: the driver keeps it until the event is set.
        let block = unsafe { &mut *iosb };
        block.__bindgen_anon_1.Status = status;
        block.Information = information;
    }
    if !event.is_null() {
        // SAFETY: as above; after this it may be gone.
        unsafe { event::set(event) };
    }
}

crate::exports! {
    /// IRPs built by the I/O manager.
    pub EXPORTS = [
        IoBuildDeviceIoControlRequest(_, _, _, _, _, _, _, _, _),
    ];
}
