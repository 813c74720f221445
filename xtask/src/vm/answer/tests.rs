use super::rules::broken;
use super::*;

fn everything() -> Vec<Answers> {
    let uefi = Answers::default();
    let bios = Answers {
        firmware: Firmware::Bios,
        product_key: Some("AAAAA-BBBBB-CCCCC-DDDDD-EEEEE".to_owned()),
        any_hardware: false,
        account: Account { name: "a<b>&\"c".to_owned(), password: "<&>".to_owned() },
        ..Answers::default()
    };
    vec![uefi, bios]
}

#[test]
fn what_is_rendered_breaks_no_rule() {
    for answers in everything() {
        assert_eq!(broken(&render(&answers)), Vec::<String>::new(), "{answers:?}");
    }
}

#[test]
fn names_that_look_like_markup_stay_text() {
    let text = render(&everything()[1]);
    let document = roxmltree::Document::parse(&text).unwrap();
    let mut names = document.descendants().filter(|node| node.tag_name().name() == "Username");
    assert_eq!(names.next().unwrap().text(), Some("a<b>&\"c"));
}

/// Each rule's twin: the good file with one change, and a word of what is said of it.
#[test]
fn every_rule_finds_its_twin() {
    let cases = [
        ("</unattend>", "", "no XML"),
        ("urn:schemas-microsoft-com:unattend", "urn:else", "root"),
        ("pass=\"specialize\"", "pass=\"special\"", "no pass"),
        ("pass=\"specialize\"", "pass=\"oobeSystem\"", "twice"),
        (
            "name=\"Microsoft-Windows-Deployment\"",
            "name=\"Microsoft-Windows-Setup\"",
            "not valid in",
        ),
        (
            "name=\"Microsoft-Windows-Deployment\"",
            "name=\"Microsoft-Windows-Shell-Setup\"",
            "twice in specialize",
        ),
        ("amd64", "arm", "processorArchitecture"),
        ("31bf3856ad364e35", "0", "publicKeyToken"),
        ("\"neutral\"", "\"en\"", "language"),
        ("nonSxS", "SxS", "versionScope"),
        ("<Disk wcm:action=\"add\">", "<Disk>", "wcm:action"),
        ("<DiskID>", "<DiskID wcm:action=\"add\">", "wcm:action"),
        ("<WillWipeDisk>true", "<WillWipeDisk>yes", "true or false"),
        ("<WillWipeDisk>true</WillWipeDisk>", "<Wipe>true</Wipe>", "has no"),
        ("<Type>EFI", "<Type>Efi", "one of"),
        ("<ProtectYourPC>3", "<ProtectYourPC>4", "one of"),
        ("<Order>1</Order>", "<Order>0</Order>", "1 to"),
        ("<Order>2</Order>", "<Order>1</Order>", "1, 2, 3"),
        ("<ComputerName>PAGEWISE", "<ComputerName>PAGEWISE-PAGEWISE", "1 to 15 characters"),
        ("<ComputerName>PAGEWISE", "<ComputerName>", "1 to 15 characters"),
        ("<AcceptEula>true", "<AcceptEula>false", "AcceptEula"),
        ("<Size>300</Size>", "", "a size or all"),
        ("<Size>300</Size>", "<Size>300</Size><Size>300</Size>", "twice"),
        ("<PartitionID>1<", "<PartitionID>9<", "not made"),
        ("<Format>FAT32", "<Format>NTFS", "formatted as"),
        (
            "<PartitionID>3</PartitionID>\n          </InstallTo>",
            "<PartitionID>2</PartitionID>\n          </InstallTo>",
            "no primary",
        ),
        ("<SynchronousCommand wcm:action=\"add\">", "<SynchronousCommand>", "wcm:action"),
    ];
    let good = render(&Answers::default());
    for (from, to, word) in cases {
        let twin = good.replacen(from, to, 1);
        assert_ne!(good, twin, "{from:?} is not in the file");
        let found = broken(&twin);
        assert!(found.iter().any(|what| what.contains(word)), "{from:?} -> {to:?}: {found:?}");
    }
}

#[test]
fn test_signing_and_dumps_are_set_before_anyone_logs_on() {
    let text = render(&Answers::default());
    for wanted in ["testsigning on", "CrashDumpEnabled", "guest setup"] {
        assert!(text.contains(wanted), "{wanted}");
    }
}
