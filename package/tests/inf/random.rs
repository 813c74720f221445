//! Any bytes are read, stamped and linted without a panic, and what was read stands in the file.

use pagewise_package::inf::{Date, Inf, Options, Stamp, lint, stamp};
use proptest::prelude::*;

use super::{OPTIONS, shipping};

fn with() -> Stamp {
    Stamp { date: Date::from_unix(0).expect("a date"), version: [1, 2, 3, 4], kmdf: (1, 31) }
}

/// Reads, lints and stamps; says how much was read.
fn through(bytes: &[u8]) -> usize {
    let inf = Inf::read(bytes);
    for options in [OPTIONS, Options::default()] {
        let lines = 1 + bytes.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count();
        for finding in lint(&inf, &options) {
            assert!(
                finding.line.is_none_or(|line| (1..=lines.max(1)).contains(&line)),
                "{finding}"
            );
        }
    }
    if let Ok(stamped) = stamp(bytes, &with()) {
        let again = stamp(&stamped, &with()).expect("stamped before");
        assert_eq!(again, stamped, "a stamped file is stamped to itself");
        let date = Inf::read(&stamped);
        let found = date.entry("Version", "DriverVer").map(|entry| entry.value(0).to_owned());
        assert_eq!(found.as_deref(), Some("01/01/1970"));
    }
    inf.sections().iter().map(|section| section.entries.len()).sum()
}

/// Pieces that mean something in an INF.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "\n",
            "\r\n",
            "\r",
            "[",
            "]",
            "\"",
            "\"\"",
            "%",
            "%%",
            ",",
            "=",
            ";",
            "\\",
            "\\\n",
            " ",
            "\t",
            "Version",
            "DriverVer",
            "Manufacturer",
            "Strings",
            "CopyFiles",
            "AddReg",
            "HKR",
            ".NTamd64",
            "[Version]\n",
            "[Manufacturer]\n",
            "[Strings]\n",
            "$ARCH$",
            "NTamd64.10.0...19041",
            "0x2",
            "\u{fffd}",
            "\u{130}",
            "\u{0}",
        ])
        .prop_map(str::to_owned),
        "[ -~]{0,12}",
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn bytes(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        through(&bytes);
    }

    #[test]
    fn text(pieces in prop::collection::vec(piece(), 0..64)) {
        through(pieces.concat().as_bytes());
    }

    #[test]
    fn utf_16(units in prop::collection::vec(any::<u16>(), 0..256), big in any::<bool>()) {
        let units = [0xFEFF].into_iter().chain(units);
        let bytes: Vec<u8> =
            units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect();
        let inf = Inf::read(&bytes);
        prop_assert!(lint(&inf, &OPTIONS).iter().all(|finding| !finding.text.is_empty()));
    }

    /// The shipping file with pieces put in, bytes changed and lines taken out.
    #[test]
    fn edited(edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, piece()), 1..8)) {
        let mut bytes = shipping().into_bytes();
        for (at, kind, piece) in edits {
            let at = at.index(bytes.len());
            match kind {
                0 => { bytes.splice(at..at, piece.into_bytes()); }
                1 => { bytes[at] = piece.bytes().next().unwrap_or(0); }
                2 => { bytes.truncate(at.max(1)); }
                _ => {
                    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
                    let gone = at % lines.len();
                    lines.remove(gone);
                    bytes = lines.join(&b'\n');
                    if bytes.is_empty() { bytes.push(b'['); }
                }
            }
        }
        through(&bytes);
    }
}

#[test]
fn what_goes_in_is_counted() {
    assert_eq!(through(b"[a]\nx\ny=1\n;\n[b]\nz\n"), 3);
}

/// Many install sections that share a long list of files.
fn shared(count: usize) -> String {
    let mut text = "[DestinationDirs]\nDefaultDestDir=13\n[Manufacturer]\nx=M,NTamd64\n".to_owned();
    let numbers = || (0..count).map(|number| number.to_string());
    text.push_str("[M.NTamd64]\n");
    text.extend(numbers().map(|it| format!("d=I{it},ROOT\\A{it}\n")));
    text.extend(
        numbers().map(|it| format!("[I{it}]\nCopyFiles=F\n[I{it}.Services]\nAddService=s,2,S\n")),
    );
    text.push_str("[S]\nServiceBinary=%13%\\none.sys\n[F]\n");
    text.extend(numbers().map(|it| format!("f{it}.sys\n")));
    text.push_str("[SourceDisksFiles]\n");
    text.extend(numbers().map(|it| format!("f{it}.sys=1\n")));
    text
}

#[test]
fn large_files_take_no_time() {
    // Sections of one name, of different names, a line of many fields, a list that many share.
    let same = "[a]\nb=c\n".repeat(10_000);
    let many: String =
        (0..10_000).map(|number| format!("[s{number}]\nCopyFiles=s{number}\n")).collect();
    let fields = format!("[Version]\nx={}\n", "%a%,\\ \",".repeat(20_000));
    let start = std::time::Instant::now();
    for text in [&same, &many, &fields, &shared(500)] {
        through(text.as_bytes());
    }
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
