//! Whose mistake a bug check is, which need not be the one's whom Windows names: a framework acts for
//! its clients.

use pagewise_lab_wire::{AtFault, BugCheck, Frame};

use super::framework;
use crate::exports::KERNEL;
use crate::image;

/// The driver at fault, in this order:
///
/// 1. the named driver, unless it is a library that acts for others (the framework);
/// 2. the driver whose page a library touched;
/// 3. the innermost driver on the stack that is no library;
/// 4. the one driver there is beside the libraries, where one of them found fault: what calls a
///    function last may have jumped there, and is then on no stack.
///
/// Nothing where the machine itself is named and no driver is on the stack.
pub(super) fn of(report: &BugCheck) -> Option<AtFault> {
    let drivers: Vec<_> = image::loaded().filter(|image| !image.is_library()).collect();
    let libraries: Vec<_> = image::loaded().filter(|image| image.is_library()).collect();
    let names = |images: &[&image::Image]| {
        images.iter().map(|image| image.name().to_owned()).collect::<Vec<_>>()
    };
    judge(report, &names(&drivers), &names(&libraries))
}

fn judge(report: &BugCheck, drivers: &[String], libraries: &[String]) -> Option<AtFault> {
    let is_library = |name: &str| libraries.iter().any(|library| library == name);
    let told = |driver: &str, why: String| Some(AtFault { driver: driver.to_owned(), why });
    let blamed = report.blamed.as_deref();
    if let Some(named) = blamed.filter(|name| *name != KERNEL && !is_library(name)) {
        return told(named, "it is the one named".to_owned());
    }
    if let Some(named) = blamed.filter(|_| framework::is_its_own(report)) {
        return told(named, "it says so itself".to_owned());
    }
    let who = blamed.unwrap_or(KERNEL);
    if let Some(victim) = report.victim.as_deref().filter(|name| !is_library(name)) {
        return told(victim, format!("{who} touched its page"));
    }
    if let Some((depth, frame)) = innermost(&report.stack, drivers)
        && let Some(driver) = &frame.module
    {
        return told(driver, format!("it called {who}, in frame {depth}"));
    }
    match drivers {
        [driver] if blamed.is_some_and(is_library) => {
            let jumped = "whose own frame is gone, as after a call that is a function's last act";
            told(driver, format!("it is the one client of {who}, {jumped}"))
        }
        _ => None,
    }
}

fn innermost<'a>(stack: &'a [Frame], drivers: &[String]) -> Option<(usize, &'a Frame)> {
    let is_driver = |frame: &Frame| {
        frame.module.as_ref().is_some_and(|module| drivers.iter().any(|driver| driver == module))
    };
    stack.iter().enumerate().find(|(_, frame)| is_driver(frame))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(modules: &[&str]) -> Vec<Frame> {
        let frame = |module: &&str| Frame {
            address: 0,
            module: Some((*module).to_owned()),
            rva: Some(0),
            function: None,
            source: None,
        };
        modules.iter().map(frame).collect()
    }

    fn judged(report: &BugCheck) -> Option<(String, String)> {
        let judged = judge(report, &["own.sys".into()], &["wdfldr.sys".into()])?;
        Some((judged.driver, judged.why))
    }

    fn by(blamed: &str, modules: &[&str]) -> BugCheck {
        BugCheck { blamed: Some(blamed.into()), stack: stack(modules), ..BugCheck::default() }
    }

    #[test]
    fn a_driver_that_is_named_is_at_fault_itself() {
        let (driver, why) = judged(&by("own.sys", &["own.sys", "wdfldr.sys"])).unwrap();
        assert_eq!((driver.as_str(), why.as_str()), ("own.sys", "it is the one named"));
    }

    #[test]
    fn the_framework_passes_the_blame_to_whose_page_it_touched() {
        let report =
            BugCheck { victim: Some("own.sys".into()), ..by("wdfldr.sys", &["wdfldr.sys"]) };
        let (driver, why) = judged(&report).unwrap();
        assert_eq!((driver.as_str(), why.as_str()), ("own.sys", "wdfldr.sys touched its page"));
    }

    #[test]
    fn the_framework_passes_the_blame_to_who_called_it() {
        let report = by("wdfldr.sys", &["ntoskrnl.exe", "wdfldr.sys", "own.sys", "wdfldr.sys"]);
        let (driver, why) = judged(&report).unwrap();
        assert_eq!(
            (driver.as_str(), why.as_str()),
            ("own.sys", "it called wdfldr.sys, in frame 2")
        );
    }

    #[test]
    fn a_client_that_jumped_into_the_framework_is_found_all_the_same() {
        let report = by("wdfldr.sys", &["ntoskrnl.exe", "wdfldr.sys", "ntoskrnl.exe"]);
        assert_eq!(judged(&report).unwrap().0, "own.sys");
        let two = judge(&report, &["own.sys".into(), "other.sys".into()], &["wdfldr.sys".into()]);
        assert_eq!(two, None, "one of two cannot be told");
    }

    #[test]
    fn nobody_is_at_fault_for_what_the_machine_did_alone() {
        assert_eq!(judged(&by("ntoskrnl.exe", &["ntoskrnl.exe"])), None);
        let own =
            BugCheck { code: 0x10d, parameters: [0x1_0001, 7, 0, 0], ..by("wdfldr.sys", &[]) };
        assert_eq!(judged(&own).unwrap().0, "wdfldr.sys");
    }
}
