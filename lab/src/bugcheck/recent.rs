//! What the report tells people of the time before: a few lines each, of what the JSON has whole.

use std::fmt::{self, Write};

use pagewise_lab_wire::{
    BugCheck, ControlCode, Gone, Holder, Page, PageState, Paging, PagingAction, Request,
};

use super::text;
use crate::trail::in_words;

/// Lines of each kind; all there is would be more than a screen.
const LINES: usize = 8;

/// The state of a page, such as `3 of an image, rw-, out of the working set`.
pub(super) fn page(page: &Page) -> String {
    let state = match (page.gone, page.state) {
        (Some(Gone::Discarded), _) => "given back after DriverEntry (discardable section)",
        (Some(Gone::Freed), _) => "freed",
        (Some(Gone::Never), _) => "never been there",
        (None, Some(PageState::Valid)) => "valid",
        (None, Some(PageState::Transition)) => {
            "out of the working set, still in memory (transition)"
        }
        (None, Some(PageState::OnDisk)) => "in the paging file only",
        (None, Some(PageState::Freed)) => "freed",
        (None, None) => return "of nothing that the memory manager knows".to_owned(),
    };
    let holder = match page.holder {
        Holder::Image => "the image",
        Holder::UnloadedImage => "an image that was unloaded",
        Holder::PagedPool => "paged pool",
        Holder::SpecialPool => "special pool",
        Holder::Nothing => "nothing",
    };
    let mut text = format!("{state}; number {} of {holder}", page.number);
    if !page.protection.is_empty() {
        // Writing to a String does not fail.
        let _ = write!(text, ", {}", page.protection);
    }
    text.push_str(if page.pageable { ", pageable" } else { ", not pageable" });
    if page.overridden {
        text.push_str(" (MmPageEntireDriver in effect)");
    }
    if page.locks > 0 {
        let _ = write!(text, ", {} lock(s)", page.locks);
    }
    text
}

/// The last requests and paging actions.
pub(super) fn write(
    out: &mut String,
    report: &BugCheck,
    heading: &str,
    reset: &str,
) -> fmt::Result {
    let shown = shown(&report.requests);
    if !shown.is_empty() {
        writeln!(out, "\n{heading}requests{reset}, the last {}", report.requests.len())?;
        for request in shown {
            writeln!(out, "  {}", Line(request))?;
        }
    }
    if !report.paging.is_empty() {
        writeln!(out, "\n{heading}paging{reset}, the last {}", report.paging.len())?;
        for action in newest(&report.paging) {
            writeln!(out, "  {}", Line(action))?;
        }
    }
    Ok(())
}

fn newest<T>(all: &[T]) -> &[T] {
    &all[all.len().saturating_sub(LINES)..]
}

/// The newest, and before them those in progress, as far as there is room.
fn shown(requests: &[Request]) -> Vec<&Request> {
    let (older, newest) = requests.split_at(requests.len().saturating_sub(LINES));
    let in_progress: Vec<_> = older.iter().filter(|request| request.outcome.is_none()).collect();
    let room = in_progress.len().saturating_sub(LINES);
    in_progress[room..].iter().copied().chain(newest).collect()
}

/// Something as one line.
struct Line<'a, T>(&'a T);

impl fmt::Display for Line<'_, Request> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Request { number, before_us, function, driver, .. } = self.0;
        write!(out, "#{number} -{}  {driver}  {function}", in_words(*before_us))?;
        if let Some(control) = self.0.control {
            write!(out, " {}", Code(control))?;
        }
        if let Some(client) = self.0.client {
            write!(out, ", client {client}")?;
        }
        if self.0.input != 0 || self.0.output != 0 {
            write!(out, ", {} bytes in, room for {}", self.0.input, self.0.output)?;
        }
        match self.0.outcome {
            None => write!(out, ": in progress"),
            Some(outcome) => {
                let (status, bytes) = (outcome.status, outcome.information);
                write!(out, ": {status:#010x}, {bytes}, {}", in_words(outcome.took_us))
            }
        }
    }
}

struct Code(ControlCode);

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ControlCode { code, device_type, function, method, access } = self.0;
        let method = ["buffered", "in direct", "out direct", "neither"][usize::from(method & 3)];
        let access = ["any", "read", "write", "read and write"][usize::from(access & 3)];
        write!(
            out,
            "{code:#010x} (device {device_type:#x}, function {function:#x}, {method}, {access} access)"
        )
    }
}

impl fmt::Display for Line<'_, PagingAction> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PagingAction { number, before_us, action, pages, irql, .. } = self.0;
        write!(out, "#{number} -{}  {}", in_words(*before_us), action.words())?;
        if *pages > 0 && !matches!(action, Paging::SoftFault | Paging::HardFault) {
            write!(out, ", {pages} pages")?;
        }
        let module = self.0.target.as_ref().and_then(|target| target.module.as_ref());
        match (&self.0.target, module) {
            (Some(_), Some(module)) if *action == Paging::Discard => write!(out, " of {module}")?,
            (Some(target), _) => write!(out, " at {}", text::place(target))?,
            (None, _) => {}
        }
        if let Some(section) = self.0.section.as_ref().filter(|_| *action != Paging::Discard) {
            write!(out, " in {section}")?;
        }
        if let Some(by) = &self.0.by {
            write!(out, ", by {}", text::place(by))?;
            if let Some(function) = &by.function {
                write!(out, " {function}")?;
            }
        }
        write!(out, ", IRQL {irql}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: u64, done: bool) -> Request {
        Request {
            number,
            before_us: 1_500,
            function: "IRP_MJ_DEVICE_CONTROL".into(),
            control: Some(ControlCode::new(0x0022_e00b)),
            driver: "pagewise.sys".into(),
            irp: 0x1000,
            file: 0x2000,
            client: Some(2),
            processor: 1,
            input: 4,
            output: 64,
            outcome: done.then_some(pagewise_lab_wire::Outcome {
                status: 0xc000_000d,
                information: 0,
                took_us: 12,
            }),
        }
    }

    #[test]
    fn a_request_is_one_line() {
        assert_eq!(
            Line(&request(7, true)).to_string(),
            "#7 -1.5ms  pagewise.sys  IRP_MJ_DEVICE_CONTROL 0x0022e00b (device 0x22, function \
             0x802, neither, read and write access), client 2, 4 bytes in, room for 64: \
             0xc000000d, 0, 12.0µs"
        );
        assert!(Line(&request(7, false)).to_string().ends_with(": in progress"));
    }

    #[test]
    fn what_is_in_progress_is_shown_however_old() {
        let requests: Vec<_> = (0..40).map(|number| request(number, number != 3)).collect();
        let numbers: Vec<_> = shown(&requests).iter().map(|request| request.number).collect();
        assert_eq!(numbers, [3, 32, 33, 34, 35, 36, 37, 38, 39]);
        assert_eq!(shown(&requests[..2]).len(), 2);
    }

    #[test]
    fn a_page_that_was_given_back_says_why() {
        let mut it = Page {
            address: 0x7000,
            holder: Holder::Image,
            state: Some(PageState::Freed),
            gone: Some(Gone::Discarded),
            number: 9,
            protection: "r-x".into(),
            pageable: false,
            overridden: false,
            locks: 0,
        };
        assert!(page(&it).starts_with("given back after DriverEntry"), "{}", page(&it));
        (it.state, it.gone, it.pageable) = (Some(PageState::OnDisk), None, true);
        (it.overridden, it.locks) = (true, 2);
        assert_eq!(
            page(&it),
            "in the paging file only; number 9 of the image, r-x, pageable (MmPageEntireDriver in \
             effect), 2 lock(s)"
        );
        (it.holder, it.state) = (Holder::Nothing, None);
        assert_eq!(page(&it), "of nothing that the memory manager knows");
    }
}
