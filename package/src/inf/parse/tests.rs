use super::*;

/// Key and values of the only entry.
fn one(line: &str) -> (Option<String>, Vec<String>) {
    let inf = parse(&format!("[s]\n{line}\n"));
    let [section] = inf.sections() else { panic!("{inf:?}") };
    let [entry] = section.entries.as_slice() else { panic!("{line}: {section:?}") };
    (entry.key.clone(), entry.values.clone())
}

fn kinds(text: &str) -> Vec<(usize, DefectKind)> {
    parse(text).defects().iter().map(|defect| (defect.line, defect.kind)).collect()
}

#[test]
fn an_entry_has_a_key_and_fields() {
    for (line, key, values) in [
        ("a = b, c", Some("a"), vec!["b", "c"]),
        ("a=b=c", Some("a"), vec!["b=c"]),
        ("a, b = c", None, vec!["a", "b = c"]),
        ("a =", Some("a"), vec![""]),
        ("a", None, vec!["a"]),
        ("a,,b", None, vec!["a", "", "b"]),
        ("HKR,,\"x y \" ", None, vec!["HKR", "", "x y "]),
        ("a = \"\"", Some("a"), vec![""]),
        ("a = \"say \"\"hi\"\"\" ; no", Some("a"), vec!["say \"hi\""]),
        ("a = \"one, two; three\" ; no", Some("a"), vec!["one, two; three"]),
        ("a = %x;y% ; no", Some("a"), vec!["%x;y%"]),
        ("a = 50% ; no", Some("a"), vec!["50%"]),
        ("%a% = b", Some("%a%"), vec!["b"]),
        ("a = \"%13%\"\\x", Some("a"), vec!["%13%\\x"]),
        ("a = b\\c", Some("a"), vec!["b\\c"]),
    ] {
        let values: Vec<String> = values.into_iter().map(str::to_owned).collect();
        assert_eq!(one(line), (key.map(str::to_owned), values), "{line}");
    }
}

#[test]
fn a_backslash_at_the_end_goes_on() {
    for line in ["a = b,\\\n c", "a = b, \\ ; why\nc", "a = b\\\\\n,c", "a = b\\ \n\\\n,c"] {
        assert_eq!(one(line).1, ["b", "c"], "{line}");
    }
    assert_eq!(one("a = \"b\\\"\\\n,c").1, ["b\\", "c"]);
    // In quotation marks it is a letter.
    assert_eq!(one("a = \"b\\\"").1, ["b\\"]);
    assert_eq!(kinds("[s]\na = b\\"), [(2, DefectKind::OpenLine)]);
}

#[test]
fn sections_of_one_name_are_one() {
    let inf = parse("[A]\nx=1\n[b]\ny=2\n[a] ; again\nz=3\n");
    let names: Vec<_> = inf.sections().iter().map(|section| section.name.as_str()).collect();
    assert_eq!(names, ["A", "b"]);
    let merged = inf.section("a").unwrap();
    assert_eq!(merged.headers, [1, 5]);
    assert_eq!(merged.entries.iter().map(|entry| entry.line).collect::<Vec<_>>(), [2, 6]);
}

#[test]
fn line_numbers_count_every_kind_of_end() {
    let inf = parse("[s]\r\n\r\na=1\n;\rb=2\r\n");
    assert_eq!(inf.entries("s").iter().map(|entry| entry.line).collect::<Vec<_>>(), [3, 5]);
    assert_eq!(inf.defects(), []);
}

#[test]
fn a_name_may_hold_what_a_comment_begins_with() {
    assert!(parse("[;; Std Mfg ]\n").section(";; Std Mfg").is_some());
}

#[test]
fn what_is_no_inf_is_noted_and_read_on() {
    for (text, expected) in [
        ("x=1\n[s]\ny=2", vec![(1, DefectKind::NoSection)]),
        ("[s\ny=2", vec![(1, DefectKind::OpenSection)]),
        ("[ ]\ny=2", vec![(1, DefectKind::NoName)]),
        ("[s] t\ny=2", vec![(1, DefectKind::AfterSection)]),
        ("[s]\nx=\"1\ny=2", vec![(2, DefectKind::OpenQuote)]),
    ] {
        assert_eq!(kinds(text), expected, "{text}");
        let inf = parse(text);
        assert_eq!(inf.sections().len(), 1, "{text}");
        assert!(inf.sections()[0].entries.iter().any(|entry| entry.is("y")), "{text}");
    }
}

#[test]
fn lengths_have_limits() {
    assert_eq!(kinds(&format!("[{}]", "n".repeat(255))), []);
    assert_eq!(kinds(&format!("[{}]", "n".repeat(256))), [(1, DefectKind::LongName)]);
    assert_eq!(kinds(&format!("[s]\n{}", "f".repeat(4095))), []);
    assert_eq!(kinds(&format!("[s]\n{}", "f".repeat(4096))), [(2, DefectKind::LongField)]);
}
