//! Referencing pages on purpose: read, write or call, with the time it took.

use core::ops::Range;

use pagewise_contract::{
    BALLAST_REGION_PAGES, BallastRegion, Section, SectionKind, TouchKind, TouchReply, TouchRequest,
    code_value,
};

use crate::image::Image;
use crate::kernel::{CodePage, Kernel, LivePage, WritablePage};
use crate::refusal::Refusal;

/// Touches the pages of `request`, after it has judged all of them.
///
/// # Errors
/// [`Refusal::InvalidParameter`]: no such pages, or no such kind. [`Refusal::NotSupported`]: a page
/// was discarded, is not writable, or is not code ballast. [`Refusal::DataError`]: a ballast function
/// returned a value that is not its own.
///
/// # IRQL
/// `PASSIVE_LEVEL`: pages are faulted in.
pub fn run(
    image: &Image,
    request: &TouchRequest,
    kernel: &mut impl Kernel,
) -> Result<TouchReply, Refusal> {
    let range = image.range(request.first_page, request.pages)?;
    let kind = TouchKind::from_u32(request.kind).ok_or(Refusal::InvalidParameter)?;
    for (section, run) in image.runs(range.clone()) {
        judge(section, run, kind, kernel)?;
    }

    let mut were_resident: u32 = 0;
    let start = kernel.counter();
    for number in range {
        let page = LivePage::new(number);
        if kernel.is_valid(page) {
            were_resident = were_resident.saturating_add(1);
        }
        touch(page, kind, kernel)?;
    }
    let nanoseconds = kernel.counter().since(start);
    Ok(TouchReply { pages: request.pages, were_resident, nanoseconds })
}

fn judge(
    section: &Section,
    mut run: Range<u32>,
    kind: TouchKind,
    kernel: &impl Kernel,
) -> Result<(), Refusal> {
    let gone = section.kind() == Some(SectionKind::Discardable);
    let possible = match kind {
        _ if gone => false,
        TouchKind::Read => true,
        TouchKind::Write => section.characteristics & Section::WRITE != 0,
        TouchKind::Execute => run.all(|page| code_page(page, kernel).is_some()),
    };
    if possible { Ok(()) } else { Err(Refusal::NotSupported) }
}

fn touch(page: LivePage, kind: TouchKind, kernel: &mut impl Kernel) -> Result<(), Refusal> {
    match kind {
        TouchKind::Read => kernel.read(page),
        TouchKind::Write => kernel.write(WritablePage::new(page)),
        TouchKind::Execute => {
            let code = code_page(page.number(), kernel).ok_or(Refusal::NotSupported)?;
            if kernel.execute(code) != code_value(code.region(), code.index()) {
                return Err(Refusal::DataError);
            }
        }
    }
    Ok(())
}

/// Which page of the code ballast this page of the image is.
fn code_page(page: u32, kernel: &impl Kernel) -> Option<CodePage> {
    BallastRegion::ALL.into_iter().filter(|region| region.is_code()).find_map(|region| {
        let index = page.checked_sub(kernel.ballast_page(region))? as usize;
        if index < BALLAST_REGION_PAGES { CodePage::new(region, index) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Builder, FakeKernel};

    // The pages of `DEFAULT_SECTIONS`.
    const TEXT: u32 = 1;
    const DATA: u32 = 4;
    const CODE: u32 = 7;
    const INIT: u32 = 15;

    fn touch(first_page: u32, pages: u32, kind: u32) -> (Result<TouchReply, Refusal>, FakeKernel) {
        let image = Builder::default().image();
        let mut kernel = FakeKernel::new(&image);
        let request = TouchRequest { first_page, pages, kind };
        (run(&image, &request, &mut kernel), kernel)
    }

    #[test]
    fn reads_any_page_that_is_left() {
        let (reply, kernel) = touch(0, INIT, TouchKind::Read as u32);
        let reply = reply.unwrap();
        assert_eq!(
            (reply.pages, reply.were_resident, reply.nanoseconds),
            (INIT, 0, u64::from(INIT))
        );
        assert!(kernel.valid[..INIT as usize].iter().all(|&valid| valid));
        assert!(!kernel.valid[INIT as usize]);
    }

    #[test]
    fn counts_the_pages_that_were_there() {
        let image = Builder::default().image();
        let mut kernel = FakeKernel::new(&image);
        kernel.valid[TEXT as usize] = true;
        let request = TouchRequest { first_page: TEXT, pages: 3, kind: TouchKind::Read as u32 };
        assert_eq!(run(&image, &request, &mut kernel).unwrap().were_resident, 1);
        assert_eq!(run(&image, &request, &mut kernel).unwrap().were_resident, 3);
    }

    #[test]
    fn writes_only_what_is_writable() {
        let (reply, kernel) = touch(DATA, 2, TouchKind::Write as u32);
        assert!(reply.is_ok());
        assert_eq!(kernel.written, [4, 5]);
        let (reply, kernel) = touch(DATA, 3, TouchKind::Write as u32);
        assert_eq!(reply, Err(Refusal::NotSupported));
        assert_eq!((kernel.written, kernel.valid), (std::vec![], [false; 16]));
    }

    #[test]
    fn calls_only_code_ballast_and_checks_what_it_says() {
        let (reply, kernel) = touch(CODE, 4, TouchKind::Execute as u32);
        assert!(reply.is_ok());
        assert_eq!(kernel.valid.iter().filter(|&&valid| valid).count(), 4);
        for (first, pages) in [(CODE - 1, 1), (CODE, 5), (TEXT, 1), (0, 1)] {
            let (reply, kernel) = touch(first, pages, TouchKind::Execute as u32);
            assert_eq!(reply, Err(Refusal::NotSupported));
            assert_eq!(kernel.valid, [false; 16]);
        }
        let image = Builder::default().image();
        let mut kernel = FakeKernel::new(&image);
        kernel.damaged_code = true;
        let request = TouchRequest { first_page: CODE, pages: 1, kind: TouchKind::Execute as u32 };
        assert_eq!(run(&image, &request, &mut kernel), Err(Refusal::DataError));
    }

    #[test]
    fn refuses_the_discarded_and_the_impossible() {
        for kind in [TouchKind::Read, TouchKind::Write, TouchKind::Execute] {
            assert_eq!(touch(INIT, 1, kind as u32).0, Err(Refusal::NotSupported));
        }
        for (first, pages, kind) in [(0, 0, 1), (0, 17, 1), (16, 1, 1), (0, 1, 0), (0, 1, 4)] {
            assert_eq!(touch(first, pages, kind).0, Err(Refusal::InvalidParameter));
        }
    }
}
