//! Texts of any origin, made fit for a line.

/// Bytes that one text may take in a line, once what is not ASCII is escaped.
pub const LONGEST: usize = 900;

/// The beginning of a text that takes no more than [`LONGEST`] bytes in a line; `...` stands for
/// the rest.
#[must_use]
pub fn clip(text: &str) -> String {
    let mut room = LONGEST;
    for (at, letter) in text.char_indices() {
        let size = escaped(letter);
        if room < size {
            return format!("{}...", &text[..at]);
        }
        room -= size;
    }
    text.to_owned()
}

/// Bytes that a character takes in a line at most.
fn escaped(letter: char) -> usize {
    match letter {
        '"' | '\\' => 2,
        // `~` begins a frame, so it is escaped as well.
        ' '..='}' => 1,
        _ => 6 * letter.len_utf16(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_clipped_text_fits_and_is_a_beginning(text in "\\PC{0,2000}|[\\x00-\\x7f]{0,2000}") {
            let clipped = clip(&text);
            let size: usize = clipped.chars().map(escaped).sum();
            prop_assert!(size <= LONGEST + 3);
            let kept = clipped.strip_suffix("...").unwrap_or(&clipped);
            prop_assert!(text.starts_with(kept));
        }
    }

    #[test]
    fn a_short_text_stays() {
        assert_eq!(clip("two\nlines"), "two\nlines");
        assert!(clip(&"x".repeat(5000)).ends_with("x..."));
    }
}
