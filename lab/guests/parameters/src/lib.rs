//! A driver without Plug and Play: `\\.\Parameters` greets with the text of the registry value
//! `Greeting`, up to `Limit` times a handle. A handle's count is in the context of its file object.
#![no_std]

extern crate wdk_panic;

use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use guest_support::{
    TypeInfo, answer_bytes, attributes, check, complete, control_device_init, control_queue,
    device, driver, framework, size_of_struct, symbolic_link, unicode, wide,
};
use wdk_alloc::WdkAllocator;
use wdk_sys::{
    _WDF_DRIVER_INIT_FLAGS, _WDF_FILEOBJECT_CLASS, _WDF_TRI_STATE, NTSTATUS, PCUNICODE_STRING,
    PDRIVER_OBJECT, STATUS_INVALID_DEVICE_REQUEST, STATUS_QUOTA_EXCEEDED, STATUS_SUCCESS,
    UNICODE_STRING, WDF_DRIVER_CONFIG, WDF_FILEOBJECT_CONFIG, WDFDEVICE, WDFDRIVER, WDFFILEOBJECT,
    WDFKEY, WDFQUEUE, WDFREQUEST,
};

#[global_allocator]
static ALLOCATOR: WdkAllocator = WdkAllocator;

static NAME: [u16; 18] = wide(b"\\Device\\Parameters");
static LINK: [u16; 22] = wide(b"\\DosDevices\\Parameters");
static LIMIT: [u16; 5] = wide(b"Limit");
static GREETING: [u16; 8] = wide(b"Greeting");

/// `KEY_READ`
const KEY_READ: u32 = 0x2_0019;

/// out: the greeting, in UTF-16
const IOCTL_GREET: u32 = 0x22_2000;
/// out: how many handles are open, how many greetings this one has had, and the units of its name
const IOCTL_FIGURES: u32 = 0x22_2004;

/// Of the device.
struct Settings {
    limit: u32,
    opens: AtomicU32,
    units: usize,
    greeting: [u16; 32],
}

static SETTINGS: TypeInfo = TypeInfo::new::<Settings>(&SETTINGS, c"Settings");

/// Of a file object.
struct Visit {
    greetings: AtomicU32,
    name_units: AtomicU32,
}

static VISIT: TypeInfo = TypeInfo::new::<Visit>(&VISIT, c"Visit");

fn settings<'a>(device: WDFDEVICE) -> &'a Settings {
    // SAFETY: the one device was made with this type, and filled before it could be opened.
    unsafe { &*SETTINGS.of(device.cast()).cast() }
}

fn visit<'a>(file: WDFFILEOBJECT) -> &'a Visit {
    // SAFETY: every file object is made with this type, for which zeroes are a value.
    unsafe { &*VISIT.of(file.cast()).cast() }
}

/// # Safety
/// Called once, with the kernel's arguments.
#[unsafe(export_name = "DriverEntry")]
#[unsafe(link_section = "INIT")]
pub unsafe extern "system" fn driver_entry(
    object: PDRIVER_OBJECT,
    path: PCUNICODE_STRING,
) -> NTSTATUS {
    let config = WDF_DRIVER_CONFIG {
        DriverInitFlags: _WDF_DRIVER_INIT_FLAGS::WdfDriverInitNonPnpDriver,
        EvtDriverUnload: Some(unload),
        ..WDF_DRIVER_CONFIG::default()
    };
    // SAFETY: the arguments are the kernel's.
    let made = unsafe { driver(object, path, config, attributes(None, ptr::null_mut())) };
    made.and_then(create).err().unwrap_or(STATUS_SUCCESS)
}

extern "C" fn unload(_driver: WDFDRIVER) {
    // The framework deletes the control device with the driver.
}

fn create(driver: WDFDRIVER) -> Result<(), NTSTATUS> {
    let (limit, units, greeting) = parameters(driver)?;
    let init = control_device_init(driver, &NAME)?;
    let mut files = WDF_FILEOBJECT_CONFIG {
        Size: size_of_struct::<WDF_FILEOBJECT_CONFIG>(),
        EvtDeviceFileCreate: Some(opened),
        EvtFileCleanup: Some(cleaned_up),
        AutoForwardCleanupClose: _WDF_TRI_STATE::WdfUseDefault,
        FileObjectClass: _WDF_FILEOBJECT_CLASS::WdfFileObjectWdfCanUseFsContext,
        ..WDF_FILEOBJECT_CONFIG::default()
    };
    let mut of_files = attributes(Some(&VISIT), ptr::null_mut());
    framework!(WdfDeviceInitSetFileObjectConfig, init, &raw mut files, &raw mut of_files);
    let device = device(init, attributes(Some(&SETTINGS), ptr::null_mut()))?;
    let place = SETTINGS.of(device.cast()).cast::<Settings>();
    // SAFETY: the framework made it of this size, and nobody else knows of it yet.
    unsafe { place.write(Settings { limit, opens: AtomicU32::new(0), units, greeting }) };
    symbolic_link(device, &LINK)?;
    control_queue(device, Some(control))?;
    framework!(WdfControlFinishInitializing, device);
    Ok(())
}

/// `Limit` and `Greeting` of the service's `Parameters` key, each with a default.
fn parameters(driver: WDFDRIVER) -> Result<(u32, usize, [u16; 32]), NTSTATUS> {
    let mut key: WDFKEY = ptr::null_mut();
    check(framework!(
        WdfDriverOpenParametersRegistryKey,
        driver,
        KEY_READ,
        ptr::null_mut(),
        &raw mut key
    ))?;
    let (limit_name, greeting_name) = (unicode(&LIMIT), unicode(&GREETING));
    let mut limit = 2;
    let mut text = [0_u16; 32];
    let mut greeting = UNICODE_STRING { Length: 0, MaximumLength: 64, Buffer: text.as_mut_ptr() };
    let known = framework!(WdfRegistryQueryULong, key, &raw const limit_name, &raw mut limit);
    if check(known).is_err() {
        limit = 2;
    }
    let mut bytes = 0;
    let known = framework!(
        WdfRegistryQueryUnicodeString,
        key,
        &raw const greeting_name,
        &raw mut bytes,
        &raw mut greeting
    );
    let mut units = usize::from(greeting.Length) / 2;
    framework!(WdfRegistryClose, key);
    if check(known).is_err() {
        text[..5].copy_from_slice(&wide(b"hello"));
        units = 5;
    }
    Ok((limit, units.min(32), text))
}

extern "C" fn opened(device: WDFDEVICE, request: WDFREQUEST, file: WDFFILEOBJECT) {
    let name = framework!(WdfFileObjectGetFileName, file);
    // SAFETY: null, or the name of the file object, which is alive.
    let bytes = unsafe { name.as_ref() }.map_or(0, |name| name.Length);
    visit(file).name_units.store(u32::from(bytes) / 2, Ordering::Relaxed);
    settings(device).opens.fetch_add(1, Ordering::Relaxed);
    complete(request, STATUS_SUCCESS);
}

extern "C" fn cleaned_up(file: WDFFILEOBJECT) {
    let device = framework!(WdfFileObjectGetDevice, file);
    settings(device).opens.fetch_sub(1, Ordering::Relaxed);
}

extern "C" fn control(
    queue: WDFQUEUE,
    request: WDFREQUEST,
    _output: usize,
    _input: usize,
    code: u32,
) {
    let settings = settings(framework!(WdfIoQueueGetDevice, queue));
    let visit = visit(framework!(WdfRequestGetFileObject, request));
    match code {
        IOCTL_GREET => {
            if visit.greetings.fetch_add(1, Ordering::Relaxed) >= settings.limit {
                return complete(request, STATUS_QUOTA_EXCEEDED);
            }
            let mut bytes = [0; 64];
            let units = settings.greeting.iter().take(settings.units);
            for (unit, place) in units.zip(bytes.as_chunks_mut::<2>().0) {
                *place = unit.to_le_bytes();
            }
            answer_bytes(request, bytes.get(..2 * settings.units).unwrap_or_default());
        }
        IOCTL_FIGURES => {
            let figures = [&settings.opens, &visit.greetings, &visit.name_units];
            let mut bytes = [0; 12];
            for (figure, place) in figures.iter().zip(bytes.as_chunks_mut::<4>().0) {
                *place = figure.load(Ordering::Relaxed).to_le_bytes();
            }
            answer_bytes(request, &bytes);
        }
        _ => complete(request, STATUS_INVALID_DEVICE_REQUEST),
    }
}
