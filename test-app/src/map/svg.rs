//! The map as a picture: a self-contained SVG file, readable on light and dark pages.

use std::fmt::{self, Write};

use pagewise_contract::Section;

use super::lines::letter;
use crate::snapshot::{Mark, Snapshot};

const CELL: usize = 14;
const LEFT: usize = 150;
const CELLS_A_ROW: usize = 40;
const WIDTH: usize = LEFT + CELLS_A_ROW * CELL + 16;
const TOP: usize = 58;

/// Draws the map.
///
/// # Panics
/// Never: writing to a `String` does not fail.
#[must_use]
pub fn svg(snapshot: &Snapshot) -> String {
    let mut picture = String::new();
    draw(snapshot, &mut picture).expect("writing to a string does not fail");
    picture
}

fn draw(snapshot: &Snapshot, out: &mut String) -> fmt::Result {
    let mut body = String::new();
    let mut y = TOP;
    for section in &snapshot.sections {
        y = draw_section(snapshot, section, y, &mut body)?;
    }
    y = draw_legend(y + 8, &mut body)?;
    let (here, all) = (snapshot.resident_pages(), snapshot.resident.len());
    let [major, minor, patch] = snapshot.version;
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{y}\" \
         viewBox=\"0 0 {WIDTH} {y}\" role=\"img\" font-family=\"monospace\" font-size=\"12\">"
    )?;
    writeln!(
        out,
        "<title>pagewise.sys: {}, {here} of {all} pages resident</title>",
        snapshot.policy()
    )?;
    writeln!(out, "<rect width=\"{WIDTH}\" height=\"{y}\" rx=\"8\" fill=\"#14181f\"/>")?;
    words(out, 16, 24, "#e6e9ee", &format!("pagewise.sys {major}.{minor}.{patch}, {all} pages"))?;
    let line = format!("policy: {}; observed: {here} of {all} pages resident", snapshot.policy());
    words(out, 16, 42, "#9aa4b2", &line)?;
    out.push_str(&body);
    writeln!(out, "</svg>")
}

/// Policy above observation, [`CELLS_A_ROW`] pages a row. Returns where the next section begins.
fn draw_section(
    snapshot: &Snapshot,
    section: &Section,
    top: usize,
    out: &mut String,
) -> Result<usize, fmt::Error> {
    let mark = snapshot.mark(section);
    let seen: Vec<_> = snapshot.seen(section).collect();
    let mut y = top;
    for (row, chunk) in seen.chunks(CELLS_A_ROW).enumerate() {
        if row == 0 {
            words(out, 16, y + 11, "#e6e9ee", &escaped(section.name()))?;
        }
        words(out, 84, y + 11, "#6b7686", "policy")?;
        words(out, 84, y + CELL + 11, "#6b7686", "observed")?;
        for (column, seen) in chunk.iter().enumerate() {
            let x = LEFT + column * CELL;
            cell(out, x, y, policy_colour(mark))?;
            words(out, x + 3, y + 10, "#14181f", &letter(mark).to_string())?;
            cell(out, x, y + CELL, seen_colour(*seen))?;
        }
        y += 2 * CELL + 6;
    }
    Ok(y)
}

fn draw_legend(y: usize, out: &mut String) -> Result<usize, fmt::Error> {
    let marks = [
        (Mark::Pageable, "pageable"),
        (Mark::Resident, "resident by link"),
        (Mark::Locked, "locked"),
        (Mark::Discarded, "discarded"),
    ];
    words(out, 16, y + 11, "#9aa4b2", "policy")?;
    let mut x = LEFT;
    for (mark, word) in marks {
        cell(out, x, y, policy_colour(mark))?;
        words(out, x + 3, y + 10, "#14181f", &letter(mark).to_string())?;
        words(out, x + CELL + 4, y + 11, "#e6e9ee", word)?;
        x += CELL + 24 + word.len() * 8;
    }
    let y = y + CELL + 6;
    words(out, 16, y + 11, "#9aa4b2", "observed")?;
    let mut x = LEFT;
    for (seen, word) in [(Some(true), "resident"), (Some(false), "out"), (None, "unknown")] {
        cell(out, x, y, seen_colour(seen))?;
        words(out, x + CELL + 4, y + 11, "#e6e9ee", word)?;
        x += CELL + 24 + word.len() * 8;
    }
    Ok(y + CELL + 14)
}

fn cell(out: &mut String, x: usize, y: usize, colour: &str) -> fmt::Result {
    let side = CELL - 2;
    writeln!(
        out,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{side}\" height=\"{side}\" rx=\"2\" fill=\"{colour}\"/>"
    )
}

fn words(out: &mut String, x: usize, y: usize, colour: &str, text: &str) -> fmt::Result {
    writeln!(out, "<text x=\"{x}\" y=\"{y}\" fill=\"{colour}\">{text}</text>")
}

const fn policy_colour(mark: Mark) -> &'static str {
    match mark {
        Mark::Pageable => "#e2b340",
        Mark::Resident => "#54b07c",
        Mark::Locked => "#b37fd4",
        Mark::Discarded => "#8792a2",
    }
}

const fn seen_colour(seen: Option<bool>) -> &'static str {
    match seen {
        Some(true) => "#54b07c",
        Some(false) => "#2a313c",
        None => "#d0605e",
    }
}

/// A section's name comes from the driver and may hold any character.
fn escaped(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            control if control.is_control() => "?".to_owned(),
            other => other.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::sample;

    #[test]
    fn the_picture_has_two_cells_a_page_and_a_legend() {
        let snapshot = sample::paged_entire();
        let picture = svg(&snapshot);
        // The background, two cells a page, and the legend's four and three.
        assert_eq!(picture.matches("<rect ").count(), 1 + 2 * snapshot.resident.len() + 7);
        insta::assert_snapshot!(picture);
    }

    #[test]
    fn a_name_cannot_break_the_picture() {
        assert_eq!(escaped("a<b>&\u{1}"), "a&lt;b&gt;&amp;?");
    }
}
