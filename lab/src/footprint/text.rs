//! A footprint as text.

use std::fmt::Write as _;

use super::{Footprint, FunctionSeen, Verdict};

/// The footprint as tables: sections, functions by verdict, pages.
#[must_use]
pub fn table(footprint: &Footprint) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(footprint, &mut text);
    text
}

fn write(footprint: &Footprint, text: &mut String) -> std::fmt::Result {
    writeln!(text, "section    kind         bytes  pages  movable  pages without")?;
    for section in &footprint.sections {
        let kind = format!("{:?}", section.kind).to_lowercase();
        let (name, bytes, pages) = (&section.name, section.bytes, section.pages);
        let (movable, without) = (section.movable_bytes, section.pages_without);
        writeln!(
            text,
            "{name:<9}  {kind:<11}  {bytes:>5}  {pages:>5}  {movable:>7}  {without:>13}"
        )?;
    }
    let groups = [
        (Verdict::Misplaced, "in a pageable section, and touched above APC_LEVEL: a bug check"),
        (Verdict::Movable, "could be pageable: never touched above APC_LEVEL in this run"),
        (Verdict::Resident, "must stay resident: touched above APC_LEVEL"),
        (Verdict::Pageable, "pageable, and rightly so in this run"),
        (Verdict::Discarded, "goes after DriverEntry"),
        (Verdict::Untouched, "not touched: this run says nothing of them"),
    ];
    for (verdict, title) in groups {
        let members: Vec<_> =
            footprint.functions.iter().filter(|it| it.verdict == verdict).collect();
        if !members.is_empty() {
            writeln!(text, "\n{title}")?;
        }
        for function in members {
            line(function, text)?;
        }
    }
    writeln!(text, "\npage       section    executed at  referenced at")?;
    for page in &footprint.pages {
        let (rva, section) = (page.rva, &page.section);
        let (executed, referenced) = (levels(&page.executed), levels(&page.referenced));
        writeln!(text, "{rva:#09x}  {section:<9}  {executed:<11}  {referenced}")?;
    }
    let Footprint { movable_functions, movable_bytes, resident_bytes_saved, .. } = footprint;
    writeln!(
        text,
        "\n{movable_functions} functions, {movable_bytes} bytes, could move to PAGE; that saves \
         {resident_bytes_saved} resident bytes"
    )
}

fn line(function: &FunctionSeen, text: &mut String) -> std::fmt::Result {
    let FunctionSeen { name, section, rva, bytes, irqls, .. } = function;
    let at = levels(irqls);
    writeln!(text, "  {rva:#09x}  {bytes:>6}  {section:<9}  {at:<9}  {name}")
}

/// `0,2`; a dash for none.
fn levels(irqls: &[u8]) -> String {
    if irqls.is_empty() {
        return "-".to_owned();
    }
    irqls.iter().map(u8::to_string).collect::<Vec<_>>().join(",")
}
