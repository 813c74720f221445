use super::*;

fn section(name: &str, rva: u32, bytes: u32, kind: Kind) -> Section {
    Section { name: name.to_owned(), rva, bytes, kind }
}

fn function(name: &str, rva: u32, bytes: u32) -> Function {
    Function { name: name.to_owned(), rva, bytes }
}

/// Two pages of `.text` and one of `PAGE`, with functions in each.
fn example(touches: &[(usize, u8)]) -> Footprint {
    let sections = [
        section(".text", 0x1000, 0x1100, Kind::Resident),
        section("PAGE", 0x3000, 0x100, Kind::Pageable),
        section("INIT", 0x4000, 0x40, Kind::Discardable),
    ];
    let functions = [
        function("low", 0x1000, 0x200),
        function("high", 0x1200, 0x200),
        function("never", 0x1400, 0x100),
        function("paged", 0x3000, 0x80),
        function("entry", 0x4000, 0x40),
    ];
    let mut seen = vec![Seen::default(); 0x5000];
    for &(at, irql) in touches {
        seen[at].executed |= 1 << irql;
    }
    footprint("example.sys", &sections, &functions, true, &seen)
}

fn verdict(footprint: &Footprint, name: &str) -> Verdict {
    footprint.functions.iter().find(|it| it.name == name).unwrap().verdict
}

#[test]
fn the_highest_irql_decides() {
    let low = example(&[(0x1000, 0), (0x11ff, 1), (0x1200, 0), (0x1210, 2), (0x3000, 1)]);
    assert_eq!(verdict(&low, "low"), Verdict::Movable);
    assert_eq!(verdict(&low, "high"), Verdict::Resident);
    assert_eq!(verdict(&low, "never"), Verdict::Untouched);
    assert_eq!(verdict(&low, "paged"), Verdict::Pageable);
    assert_eq!(verdict(&low, "entry"), Verdict::Discarded);
    assert_eq!((low.movable_functions, low.movable_bytes), (1, 0x200));
    let high = example(&[(0x1000, 0), (0x11ff, 2), (0x307f, 2)]);
    assert_eq!(verdict(&high, "low"), Verdict::Resident);
    assert_eq!(verdict(&high, "paged"), Verdict::Misplaced);
    assert_eq!(high.movable_functions, 0);
}

#[test]
fn whole_pages_are_what_is_saved() {
    // 0x1100 bytes take two pages, and one without 0x200 of them.
    let saved = example(&[(0x1000, 0)]);
    assert_eq!(saved.resident_bytes_saved, 0x1000);
    assert_eq!((saved.sections[0].pages, saved.sections[0].pages_without), (2, 1));
    assert_eq!(example(&[(0x1200, 2)]).resident_bytes_saved, 0);
}

#[test]
fn pages_that_were_touched_are_listed() {
    let footprint = example(&[(0x1fff, 0), (0x2000, 2), (0x3000, 0)]);
    let pages: Vec<_> = footprint.pages.iter().map(|page| (page.rva, &page.executed[..])).collect();
    assert_eq!(pages, [(0x1000, &[0][..]), (0x2000, &[2]), (0x3000, &[0])]);
    let text = table(&footprint);
    assert!(text.contains("PAGE"), "{text}");
    assert!(text.ends_with("saves 0 resident bytes\n"), "{text}");
}
