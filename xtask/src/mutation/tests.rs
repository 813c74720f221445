use std::path::Path;

use super::record::{Cell, Finding};
use super::tool::Tool;
use super::*;

fn checks(ids: &[&str]) -> Cell {
    let ids = ids.iter().map(|id| (*id).to_owned()).collect();
    Cell::Caught(Finding::Checks { ids })
}

fn row(driver: &str, cells: &[(Tool, Cell)]) -> Row {
    let subject = Subject {
        name: driver.to_owned(),
        image: PathBuf::new(),
        what: "does something".to_owned(),
        machine: Vec::new(),
    };
    Row::new(&subject, cells.iter().cloned().collect()).unwrap()
}

fn workspace() -> Workspace {
    Workspace::at(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
}

#[test]
fn the_document_shows_the_results() {
    let root = workspace().root().to_owned();
    let matrix = Matrix::read(&root.join(RESULTS)).unwrap();
    let text = std::fs::read_to_string(root.join(DOCUMENT)).unwrap();
    let (_, between, _) = table::parts(&text).expect("the marks");
    assert_eq!(between.trim(), table::markdown(&matrix).trim(), "run `cargo xtask mutation`");
}

#[test]
fn every_twin_is_in_the_results_and_caught_and_the_shipping_driver_is_not() {
    let workspace = workspace();
    let matrix = Matrix::read(&workspace.root().join(RESULTS)).unwrap();
    let subjects = subjects_of_all(&workspace, Path::new("")).unwrap();
    assert!(subjects.len() > 25, "{} twins", subjects.len() - 1);
    for subject in &subjects {
        let row = matrix.rows.iter().find(|row| row.driver == subject.name);
        let row =
            row.unwrap_or_else(|| panic!("run `cargo xtask mutation --only {}`", subject.name));
        assert_eq!((&row.what, &row.machine), (&subject.what, &subject.machine), "{}", row.driver);
        let cheapest = matrix.cheapest(&subject.name);
        assert_eq!(cheapest.is_none(), subject.name == SHIPPING, "{}: {cheapest:?}", row.driver);
    }
    assert_eq!(matrix.rows.len(), subjects.len(), "a row of a twin that is no more");
    let shipping = matrix.rows.first().unwrap();
    assert_eq!(shipping.cells.len(), Tool::ALL.len(), "{shipping:?}");
}

#[test]
fn cells_are_short() {
    let bug_check = |code, parameters: &[u64]| Finding::BugCheck {
        code,
        name: "NAME".to_owned(),
        parameters: parameters.to_vec(),
        during: "a check".to_owned(),
    };
    assert_eq!(bug_check(0xD1, &[0x7000, 2, 0, 1]).short(), "0xD1");
    assert_eq!(bug_check(0xC4, &[0x62, 0, 0, 1]).short(), "0xC4/0x62");
    assert_eq!(bug_check(0xC1, &[1, 2, 3, 0x24]).short(), "0xC1/0x24");
    assert_eq!(bug_check(0xC4, &[]).short(), "0xC4");
    assert_eq!(checks(&["a.b"]).short(), "`a.b`");
    assert_eq!(checks(&["a.b", "c.d", "e.f"]).short(), "`a.b` +2");
    assert_eq!(Cell::Survived.short(), "-");
}

#[test]
fn new_cells_take_the_place_of_old_ones_and_leave_the_others() {
    let mut matrix = Matrix::default();
    matrix.update(row("b", &[(Tool::Verify, Cell::Survived), (Tool::Fuzz, checks(&["x.y"]))]));
    matrix.update(row(SHIPPING, &[(Tool::Verify, Cell::Survived)]));
    matrix.update(row("a", &[(Tool::Torture, checks(&["x.y"])), (Tool::Quick, checks(&["z"]))]));
    matrix.update(row("b", &[(Tool::Verify, checks(&["n.m"]))]));
    let names: Vec<&str> = matrix.rows.iter().map(|row| row.driver.as_str()).collect();
    assert_eq!(names, [SHIPPING, "a", "b"]);
    assert_eq!(matrix.rows[2].cells.len(), 2);
    assert_eq!(matrix.cheapest("a"), Some(Tool::Quick));
    assert_eq!(matrix.cheapest("b"), Some(Tool::Verify));
    assert_eq!(matrix.cheapest(SHIPPING), None);
    let text = table::markdown(&matrix);
    assert!(text.starts_with("2 of 2 twins"), "{text}");
    assert!(text.contains("| `b` | `n.m` | not run |"), "{text}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mutation.json");
    matrix.write(&file).unwrap();
    assert_eq!(Matrix::read(&file).unwrap(), matrix);
}

#[test]
fn a_twin_that_survives_and_a_driver_that_does_not_are_told() {
    let subject = |name: &str| Subject {
        name: name.to_owned(),
        image: PathBuf::new(),
        what: String::new(),
        machine: Vec::new(),
    };
    let subjects = [subject(SHIPPING), subject("twin")];
    let cells = |shipping: Cell, twin: Cell| {
        Cells::from([
            ((SHIPPING.to_owned(), Tool::Quick), shipping),
            (("twin".to_owned(), Tool::Quick), twin),
        ])
    };
    verdict(&subjects, &cells(Cell::Survived, checks(&["x.y"]))).unwrap();
    let through = verdict(&subjects, &cells(Cell::Survived, Cell::Survived)).unwrap_err();
    assert_eq!(through.to_string(), "twin got through quick");
    let guilty = verdict(&subjects, &cells(checks(&["x.y"]), checks(&["x.y"]))).unwrap_err();
    assert_eq!(guilty.to_string(), "the shipping driver under quick: failed: x.y");
}

#[test]
fn patterns_match_names() {
    for (glob, name) in [("*", "a"), ("a*", "abc"), ("*c", "abc"), ("a*c", "abc"), ("abc", "abc")] {
        assert!(matches(glob, name), "{glob} {name}");
    }
    for (glob, name) in [("", "a"), ("b*", "abc"), ("a*bc*c", "abc"), ("ab", "abc"), ("*b", "abc")]
    {
        assert!(!matches(glob, name), "{glob} {name}");
    }
}
