//! What the report of a bug check tells beyond its code: whose mistake it was, the page, the last
//! requests and paging actions.

use crate::common::{Booted, READ_WRITE, artifacts, boot, boot_twin, boot_with, control, open};
use pagewise_contract::{Guid, Ioctl, PagingAction, PagingRequest, State, TouchKind, TouchRequest};
use pagewise_lab_wire::{
    BugCheck, Client, Control, Error, Frame, Gone, Holder, PageState, Paging, Token, Verifier,
};
use zerocopy::{FromBytes, IntoBytes};

/// Of `sins.sys` (lab/wdf/exercise/sins.c).
const SINS: Guid = Guid {
    data1: 0x5149_e05e,
    data2: 0x6a30,
    data3: 0x4f6b,
    data4: [0x8c, 0x4e, 0x73, 0x69, 0x6e, 0x73, 0x69, 0x73],
};

/// Completes a request twice.
const COMPLETE_TWICE: u32 = 0x0022_2080;
/// Completes a request after its cancel callback has.
const COMPLETE_CANCELLED: u32 = 0x0022_2088;

fn sinner() -> (Booted, Client, u32) {
    let booted = boot_with(&artifacts().join("sins.sys"), &["--verifier", "quick"]);
    let mut client = booted.connect();
    let opened = client.open(&SINS, READ_WRITE, Token::Administrator).expect("an answer");
    assert_eq!(opened.status, 0, "open: NTSTATUS {:#010x}", opened.status);
    (booted, client, opened.handle)
}

fn at_fault(report: &BugCheck) -> (&str, &str) {
    let fault = report.at_fault.as_ref().unwrap_or_else(|| panic!("nobody at fault: {report:#?}"));
    (&fault.driver, &fault.why)
}

fn module(frame: Option<&Frame>) -> Option<&str> {
    frame?.module.as_deref()
}

/// Pages the driver, evicts it, asks it, and pulls its device while it is out: the twin does not
/// reset its paging.
fn framework_touches_an_evicted_page() -> BugCheck {
    let booted = boot_twin("no-reset", &[]);
    let mut client = booted.connect();
    let handle = open(&mut client, READ_WRITE);
    let length = size_of::<State>() as u32;
    let page = PagingRequest { action: PagingAction::PageEntire as u32 };
    let paged = client.ioctl(handle, Ioctl::SetPaging.code(), page.as_bytes(), length).unwrap();
    assert_eq!(paged.status, 0, "NTSTATUS {:#010x}", paged.status);
    control(&mut client, &Control::Evict);
    let state = client.ioctl(handle, Ioctl::State.code(), &[], length).unwrap();
    assert_eq!(state.status, 0, "NTSTATUS {:#010x}", state.status);
    assert_eq!(client.close(handle).unwrap(), 0);
    let verifier = Verifier { force_irql: true, ..Verifier::default() };
    control(&mut client, &Control::Verify(verifier));
    let pulled = client.control(&Control::Unplug { surprise: false });
    assert!(matches!(pulled, Err(Error::MachineGone)), "it survived: {pulled:?}");
    booted.bug_check()
}

#[test]
fn the_report_tells_what_was_done_before_and_who_asked() {
    let report = framework_touches_an_evicted_page();
    assert_eq!(report.blamed.as_deref(), Some("wdfldr.sys"), "whom Windows would name");
    let (driver, why) = at_fault(&report);
    assert_eq!((driver, why), ("pagewise.sys", "wdfldr.sys touched its page"));

    let page = report.page.as_ref().expect("the page");
    assert_eq!((page.holder, page.address), (Holder::Image, report.parameters[0]));
    assert_eq!((page.state, page.gone), (Some(PageState::Transition), None));
    assert!(page.pageable && page.overridden && page.locks == 0, "{page:?}");
    assert!(page.protection.starts_with('r'), "{page:?}");

    let control_code = |request: &pagewise_lab_wire::Request| Some(request.control?.code);
    let asked = report.requests.iter().find(|it| control_code(it) == Some(Ioctl::State.code()));
    let asked = asked.unwrap_or_else(|| panic!("no STATE in {:#?}", report.requests));
    assert_eq!((asked.driver.as_str(), asked.client), ("pagewise.sys", Some(1)));
    assert_eq!(asked.output as usize, size_of::<State>());
    let outcome = asked.outcome.expect("it was completed");
    assert_eq!((outcome.status, outcome.information), (0, size_of::<State>() as u64));
    // The one that the machine died in is the last, and not complete.
    let last = report.requests.iter().rfind(|it| it.driver == "pagewise.sys").unwrap();
    assert!(last.function.contains("REMOVE_DEVICE"), "{last:?}");
    assert_eq!((last.outcome, last.client), (None, None));
    assert!(last.number > asked.number && last.before_us < asked.before_us);

    let of = |wanted: Paging| report.paging.iter().find(|it| it.action == wanted);
    let paged = of(Paging::PageEntire).expect("MmPageEntireDriver");
    assert_eq!(module(paged.by.as_ref()), Some("pagewise.sys"), "{paged:?}");
    let by = paged.by.as_ref().and_then(|frame| frame.function.as_deref());
    assert!(by.is_some(), "the PDB names who called: {paged:?}");
    assert!(of(Paging::Discard).is_some_and(|it| it.pages > 0));
    assert!(of(Paging::Trim).is_some_and(|it| it.pages > 0 && it.by.is_none()));
    assert!(of(Paging::Purge).is_some());
    let hard = of(Paging::HardFault).expect("the driver came back from the paging file");
    assert_eq!(module(hard.target.as_ref()), Some("pagewise.sys"), "{hard:?}");
    assert!(hard.by.is_some() && hard.section.is_some() && hard.irql < 2, "{hard:?}");
    let forced = of(Paging::ForcedTrim).expect("a raise of the IRQL evicted");
    assert!(forced.pages > 0 && forced.irql >= 2, "{forced:?}");
    assert_eq!(module(forced.by.as_ref()), Some("wdfldr.sys"), "{forced:?}");
}

#[test]
fn the_shipping_driver_under_the_same_treatment_leaves_no_report() {
    let booted = boot(&[]);
    let mut client = booted.connect();
    control(&mut client, &Control::Evict);
    control(&mut client, &Control::Verify(Verifier { force_irql: true, ..Verifier::default() }));
    control(&mut client, &Control::Unplug { surprise: false });
    assert!(booted.machine.report().is_none());
    booted.shut_down();
}

#[test]
fn a_discarded_page_is_told_from_one_that_is_out() {
    let booted = boot_twin("touch-past-end", &[]);
    let mut client = booted.connect();
    let handle = open(&mut client, READ_WRITE);
    let state = client.ioctl(handle, Ioctl::State.code(), &[], size_of::<State>() as u32).unwrap();
    assert_eq!(state.status, 0);
    let state = State::read_from_bytes(&state.output).expect("STATE has its size");
    let touch =
        TouchRequest { first_page: 0, pages: state.pages + 1, kind: TouchKind::Read as u32 };
    let end = client.ioctl(handle, Ioctl::Touch.code(), touch.as_bytes(), 64);
    assert!(matches!(end, Err(Error::MachineGone)), "{end:?}");
    let report = booted.bug_check();
    assert_eq!(report.section.as_deref(), Some("INIT"), "{report:#?}");
    let page = report.page.as_ref().expect("the page");
    let gone = (Some(PageState::Freed), Some(Gone::Discarded));
    assert_eq!((page.state, page.gone), gone, "{page:?}");
    assert!(page.number > 0 && !page.pageable, "{page:?}");
    assert_eq!(at_fault(&report), ("pagewise.sys", "it is the one named"));
}

#[test]
fn a_client_of_the_framework_is_at_fault_where_its_frame_is_on_the_stack() {
    let (booted, mut client, handle) = sinner();
    let end = client.ioctl(handle, COMPLETE_TWICE, &[], 0);
    assert!(matches!(end, Err(Error::MachineGone)), "{end:?}");
    let report = booted.bug_check();
    assert_eq!(report.blamed.as_deref(), Some("wdfldr.sys"));
    let (driver, why) = at_fault(&report);
    assert_eq!(driver, "sins.sys");
    assert!(why.contains("it called wdfldr.sys, in frame"), "{why}");
    let own = report.stack.iter().position(|frame| module(Some(frame)) == Some("sins.sys"));
    // C drivers have unwind information too: the walk goes on into the framework that called.
    let outer = &report.stack[own.expect("its frame") + 1];
    assert_eq!(module(Some(outer)), Some("wdfldr.sys"), "{:#?}", report.stack);
}

#[test]
fn a_client_of_the_framework_is_at_fault_where_its_frame_is_gone() {
    let (booted, mut client, handle) = sinner();
    let id = client.start(handle, COMPLETE_CANCELLED, &[], 0).unwrap();
    // It is cancellable as soon as the machine answers the next one.
    client.control(&Control::Counters).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(50));
    client.cancel(id).unwrap();
    let end = client.wait(id).and_then(|_| client.control(&Control::Counters));
    assert!(matches!(end, Err(Error::MachineGone)), "{end:?}");
    let report = booted.bug_check();
    // The second completion is the last thing that the callback does: a jump.
    assert!(report.stack.iter().all(|frame| module(Some(frame)) != Some("sins.sys")));
    let (driver, why) = at_fault(&report);
    assert_eq!(driver, "sins.sys");
    assert!(why.contains("the one client of wdfldr.sys"), "{why}");
    let request = report.requests.last().expect("the request");
    assert_eq!(request.outcome.map(|outcome| outcome.status), Some(0xC000_0120), "cancelled once");
}
