//! `INSTALL.txt`: what to do on a test machine, and how to undo it.

use pagewise_package::certificate::Identity;

/// The file's name.
pub const NAME: &str = "INSTALL.txt";

const TEXT: &str = include_str!("INSTALL.txt");
/// Where the text says who signed.
const PLACE: &str = "{SIGNED}";

/// The text, for a package by this signer or by none.
pub fn text(identity: Option<&Identity>) -> String {
    let signed = identity.map_or_else(
        || {
            "It is NOT SIGNED: sign pagewise.sys, then pagewise.cat, and put the\n\
             certificate beside them as pagewise.cer."
                .to_owned()
        },
        |identity| {
            format!(
                "It is test-signed, by {}:\nno Windows takes it unless told to, as below.",
                identity.subject()
            )
        },
    );
    // Notepad of old Windows wants both characters at the end of a line.
    TEXT.replace(PLACE, &signed).replace('\n', "\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_who_signed_or_that_nobody_did() {
        let identity = Identity::throw_away(1_795_305_600).unwrap();
        let signed = text(Some(&identity));
        assert!(signed.contains("CN=Pagewise test (throw-away)"), "{signed}");
        let unsigned = text(None);
        assert!(unsigned.contains("NOT SIGNED"), "{unsigned}");
        for text in [signed, unsigned] {
            assert!(text.is_ascii() && !text.contains('{'), "{text}");
            assert!(text.contains("NOT YET RUN ON WINDOWS"), "{text}");
            assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
        }
    }
}
