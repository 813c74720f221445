//! What is at the other end of the output.

use std::env;
use std::io::{IsTerminal, stderr, stdout};

use ratatui::crossterm::terminal;

use crate::cli::When;

/// Columns where there is no terminal to ask.
const DEFAULT_WIDTH: u16 = 80;

/// Whether to colour standard output: as asked; else as the variables say (no-color.org,
/// bixense.com/clicolors); else on a terminal that knows colours.
#[must_use]
pub fn colour(when: When) -> bool {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    decide(
        when,
        set("NO_COLOR").is_some(),
        set("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
        stdout().is_terminal() && set("TERM").is_none_or(|term| term != "dumb"),
    )
}

const fn decide(when: When, no_color: bool, force: bool, terminal: bool) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto => !no_color && (force || terminal),
    }
}

/// Columns of standard output.
#[must_use]
pub fn width() -> u16 {
    match terminal::size() {
        Ok((columns, _)) if stdout().is_terminal() => columns,
        _ => DEFAULT_WIDTH,
    }
}

/// Whether standard output is a terminal.
#[must_use]
pub fn is_terminal() -> bool {
    stdout().is_terminal()
}

/// Whether standard error is a terminal, where a progress bar goes.
#[must_use]
pub fn has_bar() -> bool {
    stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_beats_a_variable_and_a_variable_the_terminal() {
        assert!(decide(When::Always, true, false, false));
        assert!(!decide(When::Never, false, true, true));
        assert!(!decide(When::Auto, true, true, true));
        assert!(decide(When::Auto, false, true, false));
        assert!(decide(When::Auto, false, false, true));
        assert!(!decide(When::Auto, false, false, false));
    }
}
