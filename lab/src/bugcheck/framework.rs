//! What WDF_VIOLATION says: the framework's own codes, and the functions it does not provide
//! (learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x10d---wdf-violation).

use pagewise_contract::PAGE_SIZE;
use pagewise_lab_wire::BugCheck;

use super::names::WDF_VIOLATION;
use crate::{image, mm};

/// Parameter 1 of `lab/wdf` for a function that it does not provide: beyond the documented codes.
const NOT_PROVIDED: u64 = 0x1_0000;
/// Parameter 1 of `lab/wdf` where it is itself at fault.
const INTERNAL: u64 = 0x1_0001;

/// Whether the framework itself is at fault: it broke a rule of its own, or lacks a function.
pub(super) fn is_its_own(report: &BugCheck) -> bool {
    report.code == WDF_VIOLATION && matches!(report.parameters[0], NOT_PROVIDED | INTERNAL)
}

/// A sentence for each parameter that means something.
pub(super) fn meaning([p1, p2, p3, _]: [u64; 4]) -> Vec<String> {
    match p1 {
        4 => vec!["a pointer that must not be null is".to_owned()],
        5 => vec![
            "a handle is not one of what the function takes".to_owned(),
            format!("the handle is {p2:#x}"),
            format!("wanted is an object of kind {p3:#x}"),
        ],
        6 if p2 == 2 => vec!["a request was completed that was completed before".to_owned()],
        6 => vec![format!("a request is in no state for that, code {p2}")],
        7 => vec![format!("the object {p2:#x} cannot be deleted or dereferenced so")],
        0xB => vec![format!("the lock {p2:#x} cannot be taken or given back so")],
        NOT_PROVIDED => vec![
            "the driver called a function of the framework that lab/wdf does not provide"
                .to_owned(),
            format!("it is {}", text_at(p2).unwrap_or_else(|| "one without a name".to_owned())),
            format!("its slot is {p3}"),
        ],
        INTERNAL => vec![
            "the framework itself is at fault".to_owned(),
            format!("a check of it failed in source line {p2}"),
        ],
        _ => vec![format!("the framework's code {p1:#x}")],
    }
}

/// The longest text that is believed.
const LONGEST: usize = 128;

/// The NUL-terminated ASCII text at an address of an image, without disturbing its pages.
fn text_at(address: u64) -> Option<String> {
    let address = usize::try_from(address).ok()?;
    let image = image::find(address)?;
    let offset = address - image.base();
    let first = offset / PAGE_SIZE;
    let pages = (image.size() / PAGE_SIZE - first).min(2);
    let bytes = mm::contents(image, u32::try_from(first).ok()?, u32::try_from(pages).ok()?)?;
    let text = bytes.get(offset % PAGE_SIZE..)?.split(|&byte| byte == 0).next()?;
    let sound = text.len() <= LONGEST && !text.is_empty() && text.iter().all(u8::is_ascii_graphic);
    sound.then(|| String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_in_no_image_is_not_read() {
        let meaning = meaning([NOT_PROVIDED, 0x1000, 322, 0]);
        assert_eq!(meaning[1], "it is one without a name");
        assert_eq!(meaning[2], "its slot is 322");
    }

    #[test]
    fn documented_and_unknown_codes_are_told_apart() {
        assert!(meaning([5, 0x10, 0x1002, 0])[2].contains("0x1002"));
        assert_eq!(meaning([0xd, 0, 0, 0]), ["the framework's code 0xd"]);
    }
}
