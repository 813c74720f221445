//! The layout of the map.

use pagewise_contract::Section;

use crate::snapshot::{Mark, Snapshot, printable_name};

/// What a piece of text stands for; whoever shows it chooses the colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Words.
    Plain,
    /// Names of sections.
    Name,
    /// Words that matter less.
    Quiet,
    /// A mark of policy.
    Policy(Mark),
    /// A mark of observation; `None`: unknown.
    Seen(Option<bool>),
}

/// A piece of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// What it stands for.
    pub role: Role,
    /// The text.
    pub text: String,
}

/// A line of them.
pub type Line = Vec<Span>;

/// The characters that observation is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyphs {
    /// Blocks, for a terminal.
    Blocks,
    /// ASCII, for a pipe.
    Ascii,
}

impl Glyphs {
    /// The character of an observation.
    #[must_use]
    pub const fn seen(self, seen: Option<bool>) -> char {
        match (self, seen) {
            (Self::Blocks, Some(true)) => '█',
            (Self::Blocks, Some(false)) => '░',
            (Self::Ascii, Some(true)) => '#',
            (Self::Ascii, Some(false)) => '.',
            (_, None) => '?',
        }
    }
}

/// The letter of a policy.
#[must_use]
pub const fn letter(mark: Mark) -> char {
    match mark {
        Mark::Pageable => 'P',
        Mark::Resident => 'R',
        Mark::Locked => 'L',
        Mark::Discarded => 'D',
    }
}

/// Columns before the first cell: the name, the word for the row.
const MARGIN: usize = 18;

/// The narrowest map.
pub const MIN_WIDTH: usize = 40;

/// Lays the whole map out for so many columns, [`MIN_WIDTH`] at least.
#[must_use]
pub fn lines(snapshot: &Snapshot, width: usize, glyphs: Glyphs) -> Vec<Line> {
    let mut lines = body(snapshot, width, glyphs);
    lines.push(Line::new());
    lines.extend(legend(width, glyphs));
    lines
}

/// The map without its legend.
#[must_use]
pub fn body(snapshot: &Snapshot, width: usize, glyphs: Glyphs) -> Vec<Line> {
    let mut lines = heading(snapshot);
    lines.push(Line::new());
    for section in &snapshot.sections {
        section_lines(snapshot, section, width.max(MIN_WIDTH) - MARGIN, glyphs, &mut lines);
    }
    lines
}

/// What the signs mean.
#[must_use]
pub fn legend(width: usize, glyphs: Glyphs) -> Vec<Line> {
    let mut lines = Vec::new();
    wrap(policy_legend(), width.max(MIN_WIDTH), &mut lines);
    wrap(seen_legend(glyphs), width.max(MIN_WIDTH), &mut lines);
    lines
}

fn plain(text: impl Into<String>) -> Span {
    Span { role: Role::Plain, text: text.into() }
}

fn quiet(text: impl Into<String>) -> Span {
    Span { role: Role::Quiet, text: text.into() }
}

fn heading(snapshot: &Snapshot) -> Vec<Line> {
    let [major, minor, patch] = snapshot.version;
    let locks = match snapshot.state.locks {
        0 => String::new(),
        1 => ", 1 lock".to_owned(),
        locks => format!(", {locks} locks"),
    };
    let (here, all) = (snapshot.resident_pages(), snapshot.resident.len());
    vec![
        vec![plain(format!("pagewise.sys {major}.{minor}.{patch}, {all} pages"))],
        vec![quiet("policy   "), plain(format!("{}{locks}", snapshot.policy()))],
        vec![quiet("observed "), plain(format!("{here} of {all} pages resident"))],
    ]
}

/// Two lines for each `cells` pages of the section: policy above, observation below.
fn section_lines(
    snapshot: &Snapshot,
    section: &Section,
    cells: usize,
    glyphs: Glyphs,
    lines: &mut Vec<Line>,
) {
    let mark = snapshot.mark(section);
    let seen: Vec<_> = snapshot.seen(section).collect();
    for (row, chunk) in seen.chunks(cells).enumerate() {
        let name = if row == 0 { printable_name(section) } else { String::new() };
        let first = section.first_page as usize + row * cells;
        let letters = letter(mark).to_string().repeat(chunk.len());
        lines.push(vec![
            Span { role: Role::Name, text: format!("{name:<9}") },
            quiet("policy   "),
            Span { role: Role::Policy(mark), text: letters },
        ]);
        let mut below = vec![quiet(format!("{:<9}observed ", format!("@{first}")))];
        below.extend(chunk.chunk_by(|a, b| a == b).map(|run| {
            let text = glyphs.seen(run[0]).to_string().repeat(run.len());
            Span { role: Role::Seen(run[0]), text }
        }));
        lines.push(below);
    }
}

fn policy_legend() -> Vec<[Span; 2]> {
    let mut legend = vec![[quiet("policy   "), plain("")]];
    let marks = [
        (Mark::Pageable, "pageable"),
        (Mark::Resident, "resident by link"),
        (Mark::Locked, "locked"),
        (Mark::Discarded, "discarded"),
    ];
    legend.extend(marks.map(|(mark, word)| {
        let sign = Span { role: Role::Policy(mark), text: letter(mark).to_string() };
        [sign, plain(format!(" {word}"))]
    }));
    legend
}

fn seen_legend(glyphs: Glyphs) -> Vec<[Span; 2]> {
    let mut legend = vec![[quiet("observed "), plain("")]];
    let all = [(Some(true), "resident"), (Some(false), "out"), (None, "unknown")];
    legend.extend(all.map(|(seen, word)| {
        let sign = Span { role: Role::Seen(seen), text: glyphs.seen(seen).to_string() };
        [sign, plain(format!(" {word}"))]
    }));
    legend
}

/// Sets the entries of a legend side by side as far as the width allows; the first is its title.
fn wrap(entries: Vec<[Span; 2]>, width: usize, lines: &mut Vec<Line>) {
    const TITLE: usize = 9;
    let mut line = Line::new();
    let mut used = 0;
    for entry in entries {
        let length: usize = entry.iter().map(|span| span.text.chars().count()).sum();
        let gap = if used > TITLE { 2 } else { 0 };
        if used + gap + length > width && used > TITLE {
            lines.push(std::mem::take(&mut line));
            line.push(plain(" ".repeat(TITLE)));
            used = TITLE;
        } else if gap > 0 {
            line.push(plain("  "));
            used += gap;
        }
        used += length;
        line.extend(entry.into_iter().filter(|span| !span.text.is_empty()));
    }
    lines.push(line);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::map::sample;

    fn width_of(line: &Line) -> usize {
        line.iter().map(|span| span.text.chars().count()).sum()
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_asked(width in MIN_WIDTH..200) {
            for line in lines(&sample::paged_entire(), width, Glyphs::Blocks) {
                prop_assert!(width_of(&line) <= width, "{line:?}");
            }
        }

        #[test]
        fn every_page_has_one_cell_in_each_row(width in 0usize..200) {
            let snapshot = sample::locked();
            let all = lines(&snapshot, width, Glyphs::Ascii);
            // The legends have a cell of each kind, four for policy and three for observation.
            let cells = |wanted: fn(Role) -> bool| -> usize {
                let spans = all.iter().flatten().filter(|span| wanted(span.role));
                spans.map(|span| span.text.len()).sum()
            };
            let pages = snapshot.resident.len();
            prop_assert_eq!(cells(|role| matches!(role, Role::Policy(_))), pages + 4);
            prop_assert_eq!(cells(|role| matches!(role, Role::Seen(_))), pages + 3);
        }
    }

    #[test]
    fn an_unknown_page_is_neither_resident_nor_out() {
        let mut snapshot = sample::paged_entire();
        snapshot.resident[0] = None;
        let all = lines(&snapshot, 80, Glyphs::Ascii);
        assert!(all.iter().flatten().any(|span| span.role == Role::Seen(None) && span.text == "?"));
    }

    #[test]
    fn the_legend_of_a_wide_map_takes_two_lines() {
        assert_eq!(legend(80, Glyphs::Ascii).len(), 2);
        assert_eq!(legend(40, Glyphs::Ascii).len(), 3);
    }
}
