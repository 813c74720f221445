//! What is checked of dispatch and completion routines with I/O checks on.

use std::ffi::c_void;
use std::ptr;

use pagewise_lab_nt as nt;
use pagewise_lab_wire::Verifier;

use super::super::call::IofCallDriver;
use super::super::complete::IofCompleteRequest;
use super::super::device::IoCreateDevice;
use super::super::irp::IoAllocateIrp;
use super::super::stack::IoAttachDeviceToDeviceStackSafe;
use super::super::{Device, Driver};
use super::{Client, READ, rig};
use crate::ke::irql::{self, DISPATCH_LEVEL};
use crate::testing::child::{bug_check_of, survives, test_path};
use crate::testing::driver::{Driver as Tiny, PAGECODE};
use crate::testing::toy::code;
use crate::verifier;

fn check_io() {
    verifier::set(&Verifier { io: true, ..Verifier::default() });
}

fn send(code: u32) {
    check_io();
    let rig = rig("verified");
    let file = rig.open(READ);
    let client = Client::new();
    let control = super::DeviceControl { id: 7, code, input: b"abcd", output_length: 4 };
    let _ = client.send(&file, control);
}

#[test]
fn a_driver_that_keeps_the_rules_is_left_alone() {
    survives(test_path!(), || {
        check_io();
        let rig = rig("keeps");
        let file = rig.open(READ);
        let client = Client::new();
        assert_eq!(client.ask(&file, code::REVERSE, b"abcd", 4).output, b"dcba");
        let control =
            super::DeviceControl { id: 8, code: code::QUEUE, input: b"abcd", output_length: 4 };
        assert_eq!(client.send(&file, control).unwrap(), None);
        assert_eq!(client.ask(&file, code::RELEASE, b"", 0).status, nt::STATUS_SUCCESS);
        assert_eq!(client.wait().id, 8);
    });
}

#[test]
fn pending_without_a_mark() {
    let report = bug_check_of(test_path!(), || send(code::UNMARKED));
    assert_eq!((report.code, report.parameters[0], report.parameters[3]), (0xC9, 0x23D, 0x103));
}

#[test]
fn a_mark_without_pending() {
    let report = bug_check_of(test_path!(), || send(code::MARKED));
    assert_eq!((report.code, report.parameters[0], report.parameters[3]), (0xC9, 0x23E, 0));
}

#[test]
fn a_critical_region_that_is_not_left() {
    let report = bug_check_of(test_path!(), || send(code::STAYS_CRITICAL));
    let [subcode, _, after, before] = report.parameters;
    assert_eq!((report.code, subcode, before), (0xC4, 0xC5, 0));
    assert_ne!(after, 0);
}

#[test]
fn without_io_checks_nobody_minds() {
    survives(test_path!(), || {
        let rig = rig("unverified");
        let file = rig.open(READ);
        assert_eq!(Client::new().ask(&file, code::MARKED, b"", 0).status, nt::STATUS_SUCCESS);
    });
}

unsafe extern "win64" fn pend(_: *mut nt::DEVICE_OBJECT, irp: *mut nt::IRP) -> i32 {
    // SAFETY: the I/O manager passes an IRP.
    unsafe { nt::IoMarkIrpPending(irp) };
    // SAFETY: as above.
    unsafe { IofCompleteRequest(irp, 0) };
    nt::STATUS_PENDING
}

/// What the upper driver of [`through_two`] sets as its completion routine.
static ROUTINE: std::sync::Mutex<nt::PIO_COMPLETION_ROUTINE> = std::sync::Mutex::new(None);
static LOWER: std::sync::atomic::AtomicPtr<nt::DEVICE_OBJECT> =
    std::sync::atomic::AtomicPtr::new(ptr::null_mut());

unsafe extern "win64" fn pass_on(_: *mut nt::DEVICE_OBJECT, irp: *mut nt::IRP) -> i32 {
    // SAFETY: the I/O manager passes an IRP with a location for the device below.
    unsafe { nt::IoCopyCurrentIrpStackLocationToNext(irp) };
    let routine = *ROUTINE.lock().unwrap();
    // SAFETY: as above.
    unsafe { nt::IoSetCompletionRoutine(irp, routine, ptr::null_mut(), true, true, true) };
    // SAFETY: as above, and the device below is there.
    unsafe { IofCallDriver(LOWER.load(std::sync::atomic::Ordering::Relaxed), irp) }
}

unsafe extern "win64" fn sender(_: *mut nt::DEVICE_OBJECT, _: *mut nt::IRP, _: *mut c_void) -> i32 {
    nt::STATUS_MORE_PROCESSING_REQUIRED
}

/// Sends an IRP through a driver with `routine` to one that pends and completes it.
fn through_two(routine: nt::PIO_COMPLETION_ROUTINE) {
    check_io();
    *ROUTINE.lock().unwrap() = routine;
    let device = |name, dispatch| {
        let driver = Driver::create(name, None);
        driver.set_dispatch(nt::IRP_MJ_INTERNAL_DEVICE_CONTROL, dispatch);
        let mut device = ptr::null_mut();
        // SAFETY: the driver object is alive.
        let status =
            unsafe { IoCreateDevice(driver.as_ptr(), 0, ptr::null(), 0x22, 0, 0, &raw mut device) };
        assert_eq!(status, nt::STATUS_SUCCESS);
        // SAFETY: created just now.
        unsafe { Device::from_raw(device) }.unwrap()
    };
    let lower = device("lower", Some(pend));
    let upper = device("upper", Some(pass_on));
    let mut below = ptr::null_mut();
    // SAFETY: both are devices, and the upper one is in no stack.
    unsafe { IoAttachDeviceToDeviceStackSafe(upper.as_ptr(), lower.as_ptr(), &raw mut below) };
    LOWER.store(below, std::sync::atomic::Ordering::Relaxed);
    let irp = IoAllocateIrp(2, 0);
    // SAFETY: the IRP was allocated above, with two locations.
    let location = unsafe { nt::IoGetNextIrpStackLocation(irp) };
    // SAFETY: a location of the IRP.
    unsafe { (*location).MajorFunction = nt::IRP_MJ_INTERNAL_DEVICE_CONTROL as u8 };
    // SAFETY: as above.
    unsafe { nt::IoSetCompletionRoutine(irp, Some(sender), ptr::null_mut(), true, true, true) };
    // SAFETY: the IRP is ours.
    unsafe { IofCallDriver(upper.as_ptr(), irp) };
}

unsafe extern "win64" fn marks(
    _: *mut nt::DEVICE_OBJECT,
    irp: *mut nt::IRP,
    _: *mut c_void,
) -> i32 {
    // SAFETY: the I/O manager passes the IRP.
    if unsafe { (*irp).PendingReturned } != 0 {
        // SAFETY: as above.
        unsafe { nt::IoMarkIrpPending(irp) };
    }
    nt::STATUS_SUCCESS
}

unsafe extern "win64" fn forgets(
    _: *mut nt::DEVICE_OBJECT,
    _: *mut nt::IRP,
    _: *mut c_void,
) -> i32 {
    nt::STATUS_SUCCESS
}

unsafe extern "win64" fn stays_raised(
    device: *mut nt::DEVICE_OBJECT,
    irp: *mut nt::IRP,
    context: *mut c_void,
) -> i32 {
    irql::raise(DISPATCH_LEVEL);
    // SAFETY: the I/O manager's own arguments.
    unsafe { marks(device, irp, context) }
}

#[test]
fn a_completion_routine_that_passes_pending_on_is_left_alone() {
    survives(test_path!(), || through_two(Some(marks)));
}

#[test]
fn one_that_does_not() {
    let report = bug_check_of(test_path!(), || through_two(Some(forgets)));
    assert_eq!((report.code, report.parameters[0]), (0xC9, 0x228));
}

#[test]
fn one_that_returns_at_another_irql() {
    let report = bug_check_of(test_path!(), || through_two(Some(stays_raised)));
    let [subcode, _, before, after] = report.parameters;
    assert_eq!((report.code, subcode, before, after), (0xC4, 0xFA, 0, 2));
}

#[test]
fn one_in_pageable_code() {
    let report = bug_check_of(test_path!(), || {
        let address = Tiny::load().at(PAGECODE).cast_const();
        // SAFETY: it is never called: that it is pageable is found before.
        let routine =
            unsafe { std::mem::transmute::<*const c_void, nt::PIO_COMPLETION_ROUTINE>(address) };
        through_two(routine);
    });
    assert_eq!((report.code, report.parameters[0]), (0xC9, 0x227));
}
