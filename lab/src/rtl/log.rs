//! The machine's log: what drivers print.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Where it goes; the standard error stream unless a file was named.
static SINK: Mutex<Option<File>> = Mutex::new(None);

/// Sends the log to a file from now on, which is made, or appended to. For boot.
///
/// # Errors
/// What opening the file says.
pub fn to_file(path: &Path) -> io::Result<()> {
    let file = File::options().create(true).append(true).open(path)?;
    *SINK.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
    Ok(())
}

/// Writes `text`, each line with the name of who says it, in one piece, so that lines of several
/// threads do not mix. `text` is Latin-1, the machine's ANSI code page.
pub(super) fn write(who: &str, text: &[u8]) {
    let lines = compose(who, text);
    let mut sink = SINK.lock().unwrap_or_else(PoisonError::into_inner);
    // Debug output that nobody takes is lost, as it is without a debugger.
    let _lost = match sink.as_mut() {
        Some(file) => file.write_all(lines.as_bytes()),
        None => io::stderr().write_all(lines.as_bytes()),
    };
}

/// The lines, in UTF-8, with a newline after the last. Control characters are shown, so that no
/// driver draws on a terminal.
fn compose(who: &str, text: &[u8]) -> String {
    let mut lines = String::new();
    for line in text.strip_suffix(b"\n").unwrap_or(text).split(|&byte| byte == b'\n') {
        lines.push_str(who);
        lines.push_str(": ");
        for letter in line.strip_suffix(b"\r").unwrap_or(line).iter().copied().map(char::from) {
            if letter.is_control() && letter != '\t' {
                lines.extend(letter.escape_default());
            } else {
                lines.push(letter);
            }
        }
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_says_whose_it_is() {
        assert_eq!(compose("a.sys", b"one\r\ntwo\n"), "a.sys: one\na.sys: two\n");
        assert_eq!(compose("a.sys", b"one"), "a.sys: one\n");
        assert_eq!(compose("a.sys", b"\n\n"), "a.sys: \na.sys: \n");
    }

    #[test]
    fn bytes_are_latin_1_and_control_characters_are_shown() {
        assert_eq!(compose("a.sys", b"\xe4\t\x1b[2J\x00"), "a.sys: \u{e4}\t\\u{1b}[2J\\u{0}\n");
    }
}
