//! Functions of the framework: those that its table has something for. Their pages follow from the
//! header that declares them.

use std::fs;

use crate::{Row, source};

/// What is in the table, by name, and how many slots there are.
pub fn rows() -> (Vec<Row>, usize) {
    let table = fs::read_to_string(source("wdf/src/table.rs")).unwrap();
    let slots = fs::read_to_string(source("../kit/include/wdfslots.h")).unwrap();
    let slots = slots.lines().filter(|line| line.starts_with("SLOT(")).count();
    let entry = |line: &str| {
        let (name, _) = line.trim().split_once(" => ")?;
        name.starts_with("Wdf").then(|| Row { name: name.to_owned(), page: page(name) })
    };
    let mut rows: Vec<Row> = table.lines().filter_map(entry).collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    (rows, slots)
}

/// The kit's headers have the WDK's names, but for queues.
fn page(name: &str) -> Option<String> {
    let wanted = format!("WDF_SLOT({},", name.to_ascii_uppercase());
    let headers = fs::read_dir(source("../kit/include")).unwrap();
    let header = headers.filter_map(Result::ok).find(|header| {
        fs::read_to_string(header.path()).is_ok_and(|text| text.contains(&wanted))
    })?;
    let path = header.path();
    let header = match path.file_stem()?.to_str()? {
        "wdfqueue" => "wdfio",
        other => other,
    };
    Some(format!("ddi/{header}/nf-{header}-{}", name.to_ascii_lowercase()))
}
