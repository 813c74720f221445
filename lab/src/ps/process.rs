//! The one process: the system's. Clients of the machine are host processes, and the thread that
//! carries out a client's request is the machine's.

use std::ffi::c_void;
use std::sync::OnceLock;

use crate::ke::thread::Current;
use crate::ob::{self, ObjectType};

/// The process id of the system process on Windows.
pub(super) const SYSTEM_ID: usize = 4;

/// The type of process objects.
pub static PROCESS: ObjectType = ObjectType::new("Process", None);

#[expect(non_upper_case_globals, reason = "named as drivers import it")]
static PsProcessType: &ObjectType = &PROCESS;

/// An object that nobody can look into: `EPROCESS` is opaque.
struct System(*mut c_void);

// SAFETY: only its address is used, and its reference count, which is atomic.
unsafe impl Send for System {}
// SAFETY: as above.
unsafe impl Sync for System {}

/// The system process.
fn system() -> *mut c_void {
    static SYSTEM: OnceLock<System> = OnceLock::new();
    SYSTEM.get_or_init(|| System(ob::allocate(&PROCESS, 64))).0
}

/// The process of the current thread.
///
/// Page: wdm/nf-wdm-iogetcurrentprocess.
///
/// # IRQL
/// Any.
pub extern "win64" fn PsGetCurrentProcess() -> *mut c_void {
    system()
}

/// The id of the current process.
///
/// Page: ntddk/nf-ntddk-psgetcurrentprocessid.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
pub extern "win64" fn PsGetCurrentProcessId() -> *mut c_void {
    SYSTEM_ID as *mut c_void
}

/// The id of the current thread.
///
/// Page: ntddk/nf-ntddk-psgetcurrentthreadid.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
pub extern "win64" fn PsGetCurrentThreadId() -> *mut c_void {
    Current::get().id() as *mut c_void
}

/// The id of a thread.
///
/// Page: ntddk/nf-ntddk-psgetthreadid.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `thread` is a thread object that the caller references.
pub unsafe extern "win64" fn PsGetThreadId(thread: *mut c_void) -> *mut c_void {
    // SAFETY: the caller vouches for it.
    unsafe { Current::from_body(thread) }.id() as *mut c_void
}

/// Whether a thread was created by [`PsCreateSystemThread`](super::system_thread).
///
/// Page: ntddk/nf-ntddk-psissystemthread.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `thread` is a thread object that the caller references.
pub unsafe extern "win64" fn PsIsSystemThread(thread: *mut c_void) -> u8 {
    // SAFETY: the caller vouches for it.
    u8::from(unsafe { Current::from_body(thread) }.is_system())
}

/// The version of Windows: 10.0.19041, which is the first to have KMDF 1.31. FALSE: not a checked
/// build.
///
/// Page: ntddk/nf-ntddk-psgetversion.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// Each pointer is null or can be written.
pub unsafe extern "win64" fn PsGetVersion(
    major: *mut u32,
    minor: *mut u32,
    build: *mut u32,
    csd: *mut pagewise_lab_nt::UNICODE_STRING,
) -> u8 {
    let (version, number) = crate::rtl::WINDOWS_VERSION;
    for (to, value) in [(major, version), (minor, 0), (build, number)] {
        if !to.is_null() {
            // SAFETY: the caller vouches for it.
            unsafe { to.write(value) };
        }
    }
    if !csd.is_null() {
        // SAFETY: the caller vouches for it.
        unsafe { (*csd).Length = 0 };
    }
    0
}

crate::exports! {
    /// The process.
    pub EXPORTS = [
        PsGetCurrentProcess(),
        "IoGetCurrentProcess" = PsGetCurrentProcess(),
        PsGetCurrentProcessId(),
        PsGetCurrentThreadId(),
        PsGetThreadId(_),
        PsIsSystemThread(_),
        PsGetVersion(_, _, _, _),
        static PsProcessType,
    ];
}
