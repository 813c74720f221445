//! Security descriptors, as text (SDDL) and as bytes, and the check of access by them.

use pagewise_lab::se::{self, Descriptor};
use pagewise_lab_wire::Token;

/// Any text and any bytes are a descriptor or are refused; what is one survives both forms, and
/// grants no more than was asked for.
///
/// # Panics
/// Where that does not hold.
pub fn run(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data)
        && let Ok(descriptor) = Descriptor::from_sddl(text)
    {
        round_trips(&descriptor);
    }
    if let Ok(descriptor) = Descriptor::from_bytes(data) {
        round_trips(&descriptor);
    }
}

fn round_trips(descriptor: &Descriptor) {
    let from_bytes = Descriptor::from_bytes(&descriptor.to_bytes());
    assert_eq!(from_bytes.as_ref(), Ok(descriptor));
    let text = descriptor.to_string();
    // A descriptor of nothing has bytes and no text.
    if !text.is_empty() {
        assert_eq!(Descriptor::from_sddl(&text).as_ref(), Ok(descriptor));
    }
    for token in [Token::System, Token::Administrator, Token::User] {
        for desired in [0x8000_0000, 0xc000_0000, 0x1000_0000, 0x0200_0000] {
            // Granted or denied; never more than there is.
            if let Ok(granted) = se::access_check(descriptor, token, desired) {
                assert_eq!(granted & 0xf000_0000, 0, "a generic right was left in {granted:#x}");
            }
        }
    }
}
