//! The map as text, with or without colour.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::{Line, Role};
use crate::snapshot::Mark;

/// Prints lines of marked text.
///
/// # Errors
/// What `out` says.
pub fn print(out: &mut dyn Write, lines: &[Line], colour: bool) -> io::Result<()> {
    for line in lines {
        for span in line {
            match style(span.role) {
                Some(style) if colour => write!(out, "{style}{}{style:#}", span.text)?,
                _ => write!(out, "{}", span.text)?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

fn style(role: Role) -> Option<Style> {
    let colour = |colour: AnsiColor| Some(colour.on_default());
    match role {
        Role::Plain => None,
        Role::Name => Some(Style::new().bold()),
        Role::Quiet => Some(Style::new().dimmed()),
        Role::Policy(Mark::Pageable) => colour(AnsiColor::Yellow),
        Role::Policy(Mark::Resident) | Role::Seen(Some(true)) => colour(AnsiColor::Green),
        Role::Policy(Mark::Locked) => colour(AnsiColor::Magenta),
        Role::Policy(Mark::Discarded) => Some(AnsiColor::White.on_default().dimmed()),
        Role::Seen(Some(false)) => colour(AnsiColor::Blue),
        Role::Seen(None) => colour(AnsiColor::Red),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::{Glyphs, lines, sample};
    use crate::snapshot::Snapshot;

    fn printed(snapshot: &Snapshot, width: usize, colour: bool) -> String {
        let glyphs = if colour { Glyphs::Blocks } else { Glyphs::Ascii };
        let mut out = Vec::new();
        print(&mut out, &lines(snapshot, width, glyphs), colour).unwrap();
        // Escapes as text, so that the golden files can be read.
        String::from_utf8(out).unwrap().replace('\u{1b}', "^[")
    }

    #[test]
    fn map_at_80_columns() {
        insta::assert_snapshot!(printed(&sample::paged_entire(), 80, false));
    }

    #[test]
    fn map_at_80_columns_in_colour() {
        insta::assert_snapshot!(printed(&sample::locked(), 80, true));
    }

    #[test]
    fn map_at_40_columns() {
        insta::assert_snapshot!(printed(&sample::locked(), 40, false));
    }

    #[test]
    fn map_at_40_columns_in_colour() {
        insta::assert_snapshot!(printed(&sample::paged_entire(), 40, true));
    }
}
