//! The report for people.

use std::fmt::{self, Write};

use pagewise_lab_wire::{AtFault, BugCheck, Frame};

use super::recent;

const STOP: &str = "\x1b[1;37;44m";
const HEADING: &str = "\x1b[1m";
const FAINT: &str = "\x1b[2m";
const RESET: &str = "\x1b[0m";

/// The report, with colours if wanted.
pub(super) fn render(report: &BugCheck, colour: bool) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write(&mut text, report, colour);
    text
}

fn write(out: &mut String, report: &BugCheck, colour: bool) -> fmt::Result {
    let style = |code: &'static str| if colour { code } else { "" };
    let (stop, heading, faint, reset) = (style(STOP), style(HEADING), style(FAINT), style(RESET));
    let [p1, p2, p3, p4] = report.parameters;
    writeln!(out)?;
    writeln!(out, "{stop}*** STOP 0x{:08X} {}{reset}", report.code, report.name)?;
    writeln!(out, "    ({p1:#x}, {p2:#x}, {p3:#x}, {p4:#x})")?;
    writeln!(out)?;
    for (number, sentence) in
        (1..).zip(&report.meaning).filter(|(_, sentence)| !sentence.is_empty())
    {
        writeln!(out, "  P{number}  {sentence}")?;
    }
    writeln!(out)?;
    if let Some(blamed) = &report.blamed {
        writeln!(out, "  named      {heading}{blamed}{reset}")?;
    }
    if let Some(AtFault { driver, why }) = &report.at_fault {
        writeln!(out, "  at fault   {heading}{driver}{reset}: {why}")?;
    }
    if let Some(victim) = &report.victim {
        match &report.section {
            Some(section) => writeln!(out, "  page of    {victim}, {section}")?,
            None => writeln!(out, "  page of    {victim}")?,
        }
    }
    if let Some(page) = &report.page {
        writeln!(out, "  page       {}", recent::page(page))?;
    }
    writeln!(out, "  processor  {} at IRQL {}", Processor(report.processor), report.irql)?;
    if !report.stack.is_empty() {
        writeln!(out, "\n{heading}stack{reset}")?;
        for (depth, frame) in report.stack.iter().enumerate() {
            write_frame(out, depth, frame, faint, reset)?;
        }
    }
    if !report.details.is_empty() {
        writeln!(out, "\n{heading}details{reset}")?;
        for detail in &report.details {
            for line in wrapped(&detail.what, 96) {
                writeln!(out, "  {line}")?;
            }
            if let Some(frame) = &detail.at {
                write!(out, "      at ")?;
                write_place(out, frame, faint, reset)?;
            }
        }
    }
    recent::write(out, report, heading, reset)?;
    if !report.modules.is_empty() {
        writeln!(out, "\n{heading}images{reset}")?;
        for module in &report.modules {
            let end = module.base + u64::from(module.size);
            writeln!(out, "  {:#x}-{end:#x}  {}", module.base, module.name)?;
        }
    }
    if let Some(dump) = &report.dump {
        writeln!(out, "\n{heading}dump{reset}\n  {dump}")?;
    }
    if !report.advice.is_empty() {
        writeln!(out, "\n{heading}what to do{reset}")?;
        for line in wrapped(&report.advice, 96) {
            writeln!(out, "  {line}")?;
        }
    }
    Ok(())
}

fn write_frame(
    out: &mut String,
    depth: usize,
    frame: &Frame,
    faint: &str,
    reset: &str,
) -> fmt::Result {
    write!(out, "  {depth:2}  ")?;
    write_place(out, frame, faint, reset)
}

fn write_place(out: &mut String, frame: &Frame, faint: &str, reset: &str) -> fmt::Result {
    write!(out, "{}", place(frame))?;
    if let Some(function) = &frame.function {
        write!(out, "  {function}")?;
    }
    if let Some(source) = &frame.source {
        write!(out, "  {faint}{source}{reset}")?;
    }
    writeln!(out)
}

/// Such as `pagewise.sys+0x1420`.
pub(super) fn place(frame: &Frame) -> String {
    match (&frame.module, frame.rva) {
        (Some(module), Some(rva)) => format!("{module}+{rva:#x}"),
        (Some(module), None) => format!("{module} {:#x}", frame.address),
        (None, _) => format!("{:#x}", frame.address),
    }
}

/// A thread that has never run driver code has no number.
struct Processor(u32);

impl fmt::Display for Processor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            u32::MAX => formatter.write_str("-"),
            number => write!(formatter, "{number}"),
        }
    }
}

/// Lines of at most `width` characters, broken at spaces.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use pagewise_lab_wire::{Holder, Module, Page, PageState, Paging, PagingAction, Request};

    use super::*;
    use crate::bugcheck::meaning::meaning;

    fn report() -> BugCheck {
        let parameters = [0x7f00_0000_3010, 2, 0, 0x7f00_0010_1420];
        let frame = |address, module: &str, rva, function: &str, source: Option<&str>| Frame {
            address,
            module: Some(module.into()),
            rva,
            function: Some(function.into()),
            source: source.map(Into::into),
        };
        BugCheck {
            code: 0xd1,
            name: "DRIVER_IRQL_NOT_LESS_OR_EQUAL".into(),
            parameters,
            meaning: meaning(0xd1, parameters),
            blamed: Some("wdfldr.sys".into()),
            victim: Some("pagewise.sys".into()),
            section: Some(".data".into()),
            irql: 2,
            processor: 0,
            stack: vec![
                frame(
                    0x7f00_0010_1420,
                    "wdfldr.sys",
                    Some(0x1420),
                    "queue::purge",
                    Some("queue.rs:120"),
                ),
                frame(0x5500_0000_1000, "ntoskrnl.exe", None, "pagewise_lab::pnp::remove", None),
            ],
            modules: vec![Module {
                name: "pagewise.sys".into(),
                base: 0x7f00_0000_0000,
                size: 0x8000,
            }],
            advice: "Call MmResetDriverPaging in a callback at PASSIVE_LEVEL before that can \
                     happen, and keep in mind that a line is broken where it is full."
                .into(),
            at_fault: Some(AtFault {
                driver: "pagewise.sys".into(),
                why: "wdfldr.sys touched its page".into(),
            }),
            page: Some(Page {
                address: parameters[0],
                holder: Holder::Image,
                state: Some(PageState::Transition),
                gone: None,
                number: 3,
                protection: "rw-".into(),
                pageable: true,
                overridden: true,
                locks: 0,
            }),
            requests: vec![pnp_request()],
            paging: vec![forced_trim(frame(
                0x7f00_0010_2222,
                "wdfldr.sys",
                Some(0x2222),
                "queue::lock",
                None,
            ))],
            dump: Some("/tmp/machine.dmp".into()),
            ..BugCheck::default()
        }
    }

    fn pnp_request() -> Request {
        Request {
            number: 12,
            before_us: 250,
            function: "IRP_MN_REMOVE_DEVICE".into(),
            control: None,
            driver: "pagewise.sys".into(),
            irp: 0x5500_0000_2000,
            file: 0,
            client: None,
            processor: 0,
            input: 0,
            output: 0,
            outcome: None,
        }
    }

    fn forced_trim(by: Frame) -> PagingAction {
        PagingAction {
            number: 3,
            before_us: 20,
            action: Paging::ForcedTrim,
            pages: 7,
            target: None,
            section: None,
            by: Some(by),
            irql: 2,
            processor: 0,
        }
    }

    #[test]
    fn the_text_says_everything() {
        insta::assert_snapshot!(render(&report(), false));
    }

    #[test]
    fn the_json_says_the_same() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&report()).unwrap());
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        let coloured = render(&report(), true);
        assert!(coloured.contains("\x1b["));
        let mut plain = coloured;
        for code in [STOP, HEADING, FAINT, RESET] {
            plain = plain.replace(code, "");
        }
        assert_eq!(plain, render(&report(), false));
    }
}
