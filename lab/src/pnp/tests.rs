//! The Plug and Play manager under a WDM driver: what arrives, in which order, and when.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use pagewise_lab_nt as nt;
use pagewise_lab_wire::Token;

use super::inf::Installation;
use super::{AddError, Phase, RootBus, add_and_start, fail_next_start, remove, surprise_remove};
use super::{rebalance, worker};
use crate::io::{Device, Driver, OpenFile, interface};
use crate::ke::irql;
use crate::testing::child::{bug_check_of, survives, test_path};
use crate::testing::toy::{self, Toy};

const READ: u32 = 0x8000_0000;

struct Rig {
    driver: Driver,
    device: Device,
    toy: Arc<Toy>,
}

fn arrive(name: &'static str) -> Rig {
    let (driver, toy) = toy::load(name);
    let device = RootBus::get().arrive(Installation::bare(name)).unwrap();
    Rig { driver, device, toy }
}

impl Rig {
    fn add(&self) -> Result<(), AddError> {
        let (device, driver) = (self.device, self.driver);
        worker::run(move || add_and_start(device, driver))
    }

    fn started(name: &'static str) -> Self {
        let rig = arrive(name);
        rig.add().unwrap();
        rig.toy.take_log();
        rig
    }

    fn run(&self, action: fn(Device) -> Result<(), i32>) -> Result<(), i32> {
        let device = self.device;
        worker::run(move || action(device))
    }

    fn phase(&self) -> Phase {
        self.device.node().unwrap().phase()
    }

    fn open(&self) -> Result<Arc<OpenFile>, i32> {
        OpenFile::open(self.device, READ, Token::System)
    }
}

fn is_reported(device: Device) -> bool {
    RootBus::get().children().contains(&device)
}

#[test]
fn a_device_is_started_and_asked_about_in_the_documented_order() {
    let rig = arrive("order");
    assert_eq!(rig.open().err(), Some(nt::STATUS_NO_SUCH_DEVICE), "it is not started");
    rig.add().unwrap();
    let expected = [
        nt::IRP_MN_FILTER_RESOURCE_REQUIREMENTS,
        nt::IRP_MN_START_DEVICE,
        nt::IRP_MN_QUERY_CAPABILITIES,
        nt::IRP_MN_QUERY_PNP_DEVICE_STATE,
        nt::IRP_MN_QUERY_DEVICE_RELATIONS,
    ];
    assert_eq!(rig.toy.take_minors(), expected);
    assert_eq!(rig.phase(), Phase::Started);
    assert!(rig.open().is_ok());
}

#[test]
fn an_orderly_removal_asks_first_and_leaves_nothing() {
    let rig = Rig::started("removal");
    assert_eq!(rig.run(remove), Ok(()));
    let expected = [nt::IRP_MN_QUERY_REMOVE_DEVICE, nt::IRP_MN_REMOVE_DEVICE];
    assert_eq!(rig.toy.take_minors(), expected);
    assert!(rig.driver.first().is_none());
    assert!(!is_reported(rig.device));
}

#[test]
fn open_handles_veto_a_removal_and_the_device_works_on() {
    let rig = Rig::started("vetoed");
    let file = rig.open().unwrap();
    rig.toy.take_log();
    assert_eq!(rig.run(remove), Err(nt::STATUS_PLUGPLAY_QUERY_VETOED));
    let expected = [nt::IRP_MN_QUERY_REMOVE_DEVICE, nt::IRP_MN_CANCEL_REMOVE_DEVICE];
    assert_eq!(rig.toy.take_minors(), expected);
    assert_eq!(rig.phase(), Phase::Started);
    file.cleanup();
    drop(file);
    assert_eq!(rig.run(remove), Ok(()));
}

#[test]
fn a_driver_can_refuse_removal_and_stop() {
    let rig = Rig::started("refused");
    rig.toy.veto.store(nt::IRP_MN_QUERY_REMOVE_DEVICE as u8, Ordering::Relaxed);
    assert_eq!(rig.run(remove), Err(nt::STATUS_UNSUCCESSFUL));
    rig.toy.veto.store(nt::IRP_MN_QUERY_STOP_DEVICE as u8, Ordering::Relaxed);
    assert_eq!(rig.run(rebalance), Err(nt::STATUS_UNSUCCESSFUL));
    let expected = [
        nt::IRP_MN_QUERY_REMOVE_DEVICE,
        nt::IRP_MN_CANCEL_REMOVE_DEVICE,
        nt::IRP_MN_QUERY_STOP_DEVICE,
        nt::IRP_MN_CANCEL_STOP_DEVICE,
    ];
    assert_eq!(rig.toy.take_minors(), expected);
    assert_eq!(rig.phase(), Phase::Started);
}

#[test]
fn a_surprise_removal_waits_for_the_last_handle() {
    let rig = Rig::started("surprise");
    let files = [rig.open().unwrap(), rig.open().unwrap()];
    rig.toy.take_log();
    assert_eq!(rig.run(surprise_remove), Ok(()));
    assert_eq!(rig.toy.take_minors(), [nt::IRP_MN_SURPRISE_REMOVAL]);
    assert_eq!(rig.open().err(), Some(nt::STATUS_NO_SUCH_DEVICE));
    assert_eq!(rig.run(surprise_remove), Err(nt::STATUS_NO_SUCH_DEVICE));
    let [first, second] = files;
    for file in [first, second] {
        assert!(rig.toy.take_minors().is_empty());
        file.cleanup();
        drop(file);
        worker::settle();
    }
    assert_eq!(rig.toy.take_minors(), [nt::IRP_MN_REMOVE_DEVICE]);
    assert!(rig.driver.first().is_none());
}

#[test]
fn a_surprise_removal_of_a_device_nobody_has_open_is_over_at_once() {
    let rig = Rig::started("sudden");
    assert_eq!(rig.run(surprise_remove), Ok(()));
    let expected = [nt::IRP_MN_SURPRISE_REMOVAL, nt::IRP_MN_REMOVE_DEVICE];
    assert_eq!(rig.toy.take_minors(), expected);
}

#[test]
fn a_rebalance_stops_and_starts() {
    let rig = Rig::started("rebalance");
    assert_eq!(rig.run(rebalance), Ok(()));
    let minors = rig.toy.take_minors();
    let expected = [nt::IRP_MN_QUERY_STOP_DEVICE, nt::IRP_MN_STOP_DEVICE, nt::IRP_MN_START_DEVICE];
    assert_eq!(minors[..3], expected);
    assert!(minors.contains(&nt::IRP_MN_QUERY_PNP_DEVICE_STATE));
    assert_eq!(rig.phase(), Phase::Started);
}

#[test]
fn a_failed_start_is_removed_and_can_be_tried_again() {
    survives(test_path!(), || {
        let rig = arrive("failedstart");
        fail_next_start(0xC000_00A3);
        assert_eq!(rig.add(), Err(AddError::Start(0xC000_00A3)));
        let minors = rig.toy.take_minors();
        assert_eq!(minors[1..], [nt::IRP_MN_START_DEVICE, nt::IRP_MN_REMOVE_DEVICE]);
        assert!(rig.driver.first().is_none());
        assert!(is_reported(rig.device), "the device is still there");
        rig.add().unwrap();
        assert_eq!(rig.phase(), Phase::Started);
    });
}

#[test]
fn a_start_that_fails_after_a_stop_is_a_surprise_removal() {
    survives(test_path!(), || {
        let rig = Rig::started("failedrestart");
        fail_next_start(0xC000_0001);
        assert_eq!(rig.run(rebalance), Err(nt::STATUS_UNSUCCESSFUL));
        let expected = [
            nt::IRP_MN_QUERY_STOP_DEVICE,
            nt::IRP_MN_STOP_DEVICE,
            nt::IRP_MN_START_DEVICE,
            nt::IRP_MN_SURPRISE_REMOVAL,
            nt::IRP_MN_REMOVE_DEVICE,
        ];
        assert_eq!(rig.toy.take_minors(), expected);
        assert_eq!(rig.phase(), Phase::NotStarted, "the device itself is still there");
    });
}

#[test]
fn a_failing_add_device_leaves_the_device_without_drivers() {
    let rig = arrive("failedadd");
    rig.toy.add_status.store(nt::STATUS_INSUFFICIENT_RESOURCES, Ordering::Relaxed);
    assert_eq!(rig.add(), Err(AddError::AddDevice(0xC000_009A)));
    assert_eq!(rig.toy.take_log(), []);
    rig.toy.add_status.store(0, Ordering::Relaxed);
    rig.add().unwrap();
}

#[test]
fn a_device_that_says_it_failed_is_removed() {
    let rig = Rig::started("failing");
    rig.toy.state.store(nt::PNP_DEVICE_FAILED as u8, Ordering::Relaxed);
    // As a driver would, at DISPATCH_LEVEL.
    let old = irql::raise(irql::DISPATCH_LEVEL);
    // SAFETY: the device is started.
    unsafe { super::query::IoInvalidateDeviceState(rig.device.as_ptr()) };
    irql::lower(old);
    worker::settle();
    let expected =
        [nt::IRP_MN_QUERY_PNP_DEVICE_STATE, nt::IRP_MN_SURPRISE_REMOVAL, nt::IRP_MN_REMOVE_DEVICE];
    assert_eq!(rig.toy.take_minors(), expected);
}

#[test]
fn an_interface_is_found_while_it_is_enabled() {
    survives(test_path!(), || {
        let rig = arrive("interface");
        rig.toy.interface.store(true, Ordering::Relaxed);
        let class = toy::class_bytes();
        assert!(interface::find(&class).is_err());
        rig.add().unwrap();
        assert_eq!(interface::find(&class).unwrap().device(), rig.device);
        assert!(interface::find(&[0; 16]).is_err());
        assert_eq!(rig.run(surprise_remove), Ok(()));
        assert!(interface::find(&class).is_err());
    });
}

#[test]
fn the_inf_s_security_reaches_every_device_of_the_stack() {
    let (driver, toy) = toy::load("secured");
    let mut installation = Installation::bare("secured");
    installation.security = Some("D:P(A;;GA;;;SY)".to_owned());
    installation.characteristics = Some(nt::FILE_DEVICE_SECURE_OPEN);
    let device = RootBus::get().arrive(installation.clone()).unwrap();
    let rig = Rig { driver, device, toy };
    rig.add().unwrap();
    assert!(rig.open().is_ok());
    let refused = OpenFile::open(device, READ, Token::Administrator).map(drop);
    assert_eq!(refused, Err(nt::STATUS_ACCESS_DENIED));
    for it in [device, device.attached().unwrap()] {
        assert!(it.security().is_some());
        assert_eq!(it.characteristics() & nt::FILE_DEVICE_SECURE_OPEN, nt::FILE_DEVICE_SECURE_OPEN);
    }
    installation.security = Some("D:P(nonsense".to_owned());
    let device = RootBus::get().arrive(installation).unwrap();
    let rig = Rig { device, ..rig };
    assert!(matches!(rig.add(), Err(AddError::Security { .. })));
}

#[test]
fn a_driver_that_keeps_its_device_is_a_bug_check() {
    let report = bug_check_of(test_path!(), || {
        let rig = Rig::started("keeper");
        rig.toy.keeps_device.store(true, Ordering::Relaxed);
        let _ = rig.run(remove);
    });
    assert_eq!((report.code, report.parameters[0]), (0xC9, 0x21E));
}
