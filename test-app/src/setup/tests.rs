//! Installing and uninstalling on hosts that are whole, and on some that are not.

use super::fake::{Fake, Fault};
use super::{Package, install, uninstall};
use crate::error::Error;
use crate::exit::Exit;

fn package() -> Package {
    Package { inf: "pagewise.inf".into(), certificate: "pagewise.cer".into() }
}

#[test]
fn what_was_installed_is_told() {
    let host = Fake::new(Fault::None);
    let installed = install(&host, &package(), true).unwrap();
    assert_eq!(installed.node, r"ROOT\PAGEWISE\0000");
    assert!(!installed.reused && !installed.restart);
    assert_eq!((installed.infs.len(), installed.trusted.len()), (1, 1));
    assert!(installed.interface.is_some());
}

#[test]
fn a_second_install_reuses_the_node_and_trusts_nothing_anew() {
    let host = Fake::new(Fault::None);
    install(&host, &package(), true).unwrap();
    let again = install(&host, &package(), true).unwrap();
    assert!(again.reused);
    assert!(again.trusted.is_empty());
    assert_eq!(host.state().nodes.len(), 1);
}

#[test]
fn whatever_fails_nothing_is_left_behind() {
    let faults = [
        Fault::NotElevated,
        Fault::NoNode,
        Fault::Untrusted,
        Fault::InstallsNothing,
        Fault::DoesNotStart,
        Fault::Silent,
    ];
    for fault in faults {
        let host = Fake::new(fault);
        let error = install(&host, &package(), true).unwrap_err();
        assert!(host.is_clean(), "{fault:?}: {error}");
        assert!(error.help().is_some(), "{fault:?}: {error}");
        assert_ne!(error.exit(), Exit::Ok, "{fault:?}");
    }
}

#[test]
fn what_was_there_before_a_failed_install_stays() {
    let mut host = Fake::new(Fault::None);
    install(&host, &package(), true).unwrap();
    host.fault = Fault::Untrusted;
    install(&host, &package(), true).unwrap_err();
    let state = host.state();
    assert_eq!((state.nodes.len(), state.infs.len(), state.trusted.len()), (1, 1, 1));
    assert!(state.service);
    assert!(state.done.is_empty(), "{:?} was removed", state.done);
}

#[test]
fn success_of_the_system_is_not_believed() {
    let error = install(&Fake::new(Fault::InstallsNothing), &package(), false).unwrap_err();
    assert!(matches!(error, Error::NothingInstalled { .. }), "{error}");
    let error = install(&Fake::new(Fault::DoesNotStart), &package(), false).unwrap_err();
    assert!(error.to_string().contains("CM_PROB_UNSIGNED_DRIVER (code 52)"), "{error}");
    assert!(error.help().unwrap().contains("testsigning on"));
}

#[test]
fn an_untrusted_certificate_is_told_by_name_with_what_to_do() {
    let error = install(&Fake::new(Fault::Untrusted), &package(), false).unwrap_err();
    assert!(error.to_string().contains("CERT_E_UNTRUSTEDROOT (0x800b0109)"), "{error}");
    assert!(error.help().unwrap().contains("--trust"));
    assert_eq!(error.exit(), Exit::System);
}

#[test]
fn what_could_not_be_undone_is_told() {
    let host = Fake::new(Fault::SilentAndStays);
    let error = install(&host, &package(), false).unwrap_err();
    let Error::HalfInstalled { left, .. } = &error else { panic!("{error}") };
    assert!(left.iter().any(|left| left.contains("oem3.inf")), "{left:?}");
    assert!(error.to_string().contains("ERROR_INF_IN_USE_BY_DEVICES"), "{error}");
    assert_eq!(error.exit(), Exit::System);
}

#[test]
fn a_device_that_appears_late_is_waited_for_and_one_that_never_does_is_not_for_ever() {
    let late = Fake::new(Fault::Late);
    assert!(install(&late, &package(), false).unwrap().interface.is_some());
    assert_eq!(late.state().waited, 10);
    let silent = Fake::new(Fault::Silent);
    let error = install(&silent, &package(), false).unwrap_err();
    assert!(matches!(error, Error::NotStarted { problem: None, .. }), "{error}");
}

#[test]
fn a_restart_that_is_needed_is_told_and_nothing_undone() {
    let host = Fake::new(Fault::NeedsRestart);
    let installed = install(&host, &package(), false).unwrap();
    assert!(installed.restart && installed.interface.is_none());
    assert_eq!(host.state().nodes.len(), 1);
}

#[test]
fn uninstalling_leaves_nothing_and_may_be_repeated() {
    let host = Fake::new(Fault::None);
    install(&host, &package(), true).unwrap();
    let first = uninstall(&host).unwrap();
    assert!(first.left.is_empty() && host.is_clean());
    assert_eq!(first.removed.nodes.len(), 1);
    assert_eq!(first.removed.certificates.len(), 1);
    assert!(first.removed.service);
    let second = uninstall(&host).unwrap();
    assert_eq!(second, super::Uninstalled::default());
}

#[test]
fn the_device_goes_before_its_package_and_its_service() {
    let host = Fake::new(Fault::None);
    install(&host, &package(), false).unwrap();
    uninstall(&host).unwrap();
    assert_eq!(host.state().done, ["node", "package", "service"]);
}

#[test]
fn a_device_that_stays_keeps_the_rest_and_all_of_it_is_told() {
    let host = Fake::new(Fault::NodeStays);
    install(&host, &package(), false).unwrap();
    let done = uninstall(&host).unwrap();
    assert!(done.left[0].contains(r"ROOT\PAGEWISE\0000"), "{:?}", done.left);
    assert_eq!(done.removed, super::Removed::default());
    assert!(done.left.iter().any(|left| left.contains("ERROR_ACCESS_DENIED (5)")));
    assert!(host.state().done.is_empty());
}

#[test]
fn a_service_that_takes_its_time_is_waited_for() {
    let host = Fake::new(Fault::ServiceLingers);
    install(&host, &package(), false).unwrap();
    assert!(uninstall(&host).unwrap().left.is_empty());
    assert_eq!(host.state().waited, 5);
}
