//! The table in the document.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::SHIPPING;
use super::record::{Matrix, Row};
use super::tool::Tool;

/// Begins the part of the document that is made.
const BEGIN: &str = "<!-- made by cargo xtask mutation: begin -->\n";
/// Ends it.
const END: &str = "<!-- made by cargo xtask mutation: end -->\n";

/// All that is made of the results.
pub fn markdown(matrix: &Matrix) -> String {
    let twins = || matrix.rows.iter().filter(|row| row.driver != SHIPPING);
    let caught = twins().filter(|row| row.cells.values().any(|it| it.caught().is_some())).count();
    let mut text = format!(
        "{caught} of {} twins are caught by at least one tool. Measured {} on a host of {} \
         processors; the shipping driver's SHA-256 was `{}`.\n\n| tool | caught |\n|---|---|\n",
        twins().count(),
        days(matrix),
        matrix.processors,
        matrix.driver_sha256.get(..16).unwrap_or_default(),
    );
    for tool in Tool::COLUMNS {
        let run = twins().filter_map(|row| row.cells.get(&tool));
        let caught = run.clone().filter(|cell| cell.caught().is_some()).count();
        let _ = writeln!(text, "| {} | {caught} of {} |", tool.title(), run.count());
    }
    let titles = Tool::COLUMNS.map(Tool::title).join(" | ");
    let _ = write!(text, "\n| driver | {titles} |\n|---|{}\n", "---|".repeat(Tool::COLUMNS.len()));
    for row in &matrix.rows {
        let _ = writeln!(text, "| {} | {} |", name(row), cells(row).join(" | "));
    }
    text += "\nWhat each does:\n\n| driver | |\n|---|---|\n";
    for row in &matrix.rows {
        let machine = match row.machine.join(" ") {
            none if none.is_empty() => none,
            options => format!("; its machine is started with `{options}`"),
        };
        let _ = writeln!(text, "| {} | {}{machine} |", name(row), row.what);
    }
    text
}

/// The first and the last day of measuring.
fn days(matrix: &Matrix) -> String {
    let days = || matrix.rows.iter().map(|row| row.measured.as_str());
    match (days().min(), days().max()) {
        (Some(first), Some(last)) if first != last => format!("from {first} to {last}"),
        (first, _) => format!("on {}", first.unwrap_or_default()),
    }
}

fn name(row: &Row) -> String {
    if row.driver == SHIPPING { format!("**{SHIPPING}**") } else { format!("`{}`", row.driver) }
}

fn cells(row: &Row) -> Vec<String> {
    let cell = |tool| row.cells.get(&tool).map_or("not run".to_owned(), super::Cell::short);
    Tool::COLUMNS.into_iter().map(cell).collect()
}

/// Puts it into the document, between the two marks.
pub fn put(document: &Path, matrix: &Matrix) -> Result<()> {
    let name = document.display();
    let text = fs::read_to_string(document).with_context(|| format!("cannot read {name}"))?;
    let (before, _, after) = parts(&text).with_context(|| format!("{name} has no marks"))?;
    let text = format!("{before}{BEGIN}\n{}\n{END}{after}", markdown(matrix));
    fs::write(document, text).with_context(|| format!("cannot write {name}"))
}

/// What is before the marks, between them and after them.
pub fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (between, after) = rest.split_once(END)?;
    Some((before, between, after))
}
