//! A healthy system, and one sick in each way: every judgement can go either way.

use super::*;
use crate::doctor::readings::{Node, Service, Version};

fn healthy() -> Readings {
    Readings {
        machine: Kind::Windows,
        elevated: true,
        windows: Ok(Version { major: 10, minor: 0, build: 22631 }),
        service: Ok(Some(Service {
            state: 4,
            start: 3,
            image: r"C:\Windows\System32\DriverStore\FileRepository\p\pagewise.sys".to_owned(),
            image_is_there: true,
        })),
        nodes: Ok(vec![Node {
            id: r"ROOT\PAGEWISE\0000".to_owned(),
            service: Some("pagewise".to_owned()),
            problem: None,
        }]),
        interfaces: Ok(vec![r"\\?\root#pagewise#0000#{5f0a8f3c}".to_owned()]),
        driver_signature: Ok(Some(Win32(0))),
        catalog_signature: Ok(Some(Win32(0))),
        code_integrity: Ok(0x3),
        memory_integrity: Ok(None),
        disable_paging_executive: Ok(Some(0)),
        framework: Ok(Some([1, 33, 22621, 1])),
    }
}

/// The finding with this id, of a system that is healthy but for one thing.
fn finding(id: &str, make_sick: impl FnOnce(&mut Readings)) -> Finding {
    let mut readings = healthy();
    make_sick(&mut readings);
    judge(&readings).into_iter().find(|finding| finding.id == id).unwrap()
}

fn level(id: &str, make_sick: impl FnOnce(&mut Readings)) -> Level {
    finding(id, make_sick).level
}

#[test]
fn a_healthy_system_is_all_well() {
    for finding in judge(&healthy()) {
        assert_eq!((finding.level, &finding.fix), (Level::Ok, &None), "{finding:?}");
    }
}

#[test]
fn each_sickness_fails_with_a_fix() {
    let service = |change: fn(&mut Service)| {
        move |readings: &mut Readings| {
            change(readings.service.as_mut().unwrap().as_mut().unwrap());
        }
    };
    type Sickness = Box<dyn Fn(&mut Readings)>;
    let sick: Vec<(&str, Sickness)> = vec![
        ("system.version", Box::new(|all| all.windows.as_mut().unwrap().build = 19040)),
        ("system.version", Box::new(|all| all.windows.as_mut().unwrap().major = 6)),
        ("system.kmdf", Box::new(|all| all.framework = Ok(Some([1, 29, 0, 0])))),
        ("system.kmdf", Box::new(|all| all.framework = Ok(None))),
        ("system.paging-executive", Box::new(|all| all.disable_paging_executive = Ok(Some(1)))),
        ("driver.service", Box::new(|all| all.service = Ok(None))),
        ("driver.service", Box::new(service(|service| service.image_is_there = false))),
        ("driver.service", Box::new(service(|service| service.start = 4))),
        ("driver.service", Box::new(service(|service| service.state = 1))),
        ("signature.driver", Box::new(|all| all.driver_signature = Ok(Some(Win32(0x800b_0109))))),
        ("signature.driver", Box::new(|all| all.driver_signature = Ok(None))),
        ("signature.catalog", Box::new(|all| all.catalog_signature = Ok(Some(Win32(0x8009_6010))))),
        ("driver.node", Box::new(|all| all.nodes = Ok(Vec::new()))),
        ("driver.node", Box::new(|all| all.nodes.as_mut().unwrap()[0].problem = Some(52))),
        ("driver.node", Box::new(|all| all.nodes.as_mut().unwrap()[0].service = None)),
        ("driver.interface", Box::new(|all| all.interfaces = Ok(Vec::new()))),
    ];
    for (id, make_sick) in sick {
        let finding = finding(id, make_sick);
        assert_eq!(finding.level, Level::Fail, "{finding:?}");
        assert!(finding.fix.is_some_and(|fix| !fix.is_empty()), "{id}");
    }
}

#[test]
fn what_may_be_meant_so_is_a_warning() {
    assert_eq!(level("system.elevation", |all| all.elevated = false), Level::Warn);
    assert_eq!(level("system.memory-integrity", |all| all.code_integrity = Ok(0x403)), Level::Warn);
    let configured = |all: &mut Readings| all.memory_integrity = Ok(Some(true));
    assert_eq!(level("system.memory-integrity", configured), Level::Warn);
    let twice = |all: &mut Readings| {
        let node = all.nodes.as_ref().unwrap()[0].clone();
        all.nodes.as_mut().unwrap().push(node);
    };
    assert_eq!(level("driver.node", twice), Level::Warn);
    let two = |all: &mut Readings| all.interfaces = Ok(vec![String::new(), String::new()]);
    assert_eq!(level("driver.interface", two), Level::Warn);
}

#[test]
fn without_test_signing_only_a_driver_that_is_not_loaded_is_a_failure() {
    let off = |all: &mut Readings| all.code_integrity = Ok(0x1);
    assert_eq!(level("system.test-signing", off), Level::Ok);
    let off_and_not_loaded = |all: &mut Readings| {
        off(all);
        all.interfaces = Ok(Vec::new());
    };
    let finding = finding("system.test-signing", off_and_not_loaded);
    assert_eq!(finding.level, Level::Fail);
    assert!(finding.fix.unwrap().contains("bcdedit /set testsigning on"));
}

#[test]
fn what_could_not_be_read_is_unknown_and_says_why() {
    let mut readings = healthy();
    let why = || "NtQuerySystemInformation failed".to_owned();
    readings.elevated = false;
    readings.windows = Err(why());
    readings.service = Err(why());
    readings.nodes = Err(why());
    readings.interfaces = Err(why());
    readings.driver_signature = Err(why());
    readings.catalog_signature = Err(why());
    readings.code_integrity = Err(why());
    readings.memory_integrity = Err(why());
    readings.disable_paging_executive = Err(why());
    readings.framework = Err(why());
    for finding in judge(&readings).into_iter().filter(|finding| finding.id != "system.elevation") {
        assert_eq!(finding.level, Level::Unknown, "{finding:?}");
        assert_eq!(finding.found, why());
        assert_eq!(finding.fix.as_deref(), Some(advice::ELEVATE));
    }
}

#[test]
fn wine_is_judged_as_wine() {
    let wine = |all: &mut Readings| {
        all.machine = Kind::Wine;
        all.driver_signature = Ok(Some(Win32(0x800b_0109)));
        all.code_integrity = Ok(0x1);
        all.framework = Ok(None);
        all.disable_paging_executive = Ok(Some(1));
    };
    assert_eq!(level("signature.driver", wine), Level::Warn);
    assert_eq!(level("system.test-signing", wine), Level::Ok);
    assert_eq!(level("system.kmdf", wine), Level::Unknown);
    // It pages nothing: the setting decides nothing.
    assert_eq!(level("system.paging-executive", wine), Level::Unknown);
}

#[test]
fn numbers_without_a_name_are_told_as_numbers() {
    assert_eq!((state_name(4), state_name(0)), ("running".to_owned(), "state 0".to_owned()));
    assert_eq!(
        (start_name(3), start_name(9)),
        ("demand start".to_owned(), "start type 9".to_owned())
    );
}
