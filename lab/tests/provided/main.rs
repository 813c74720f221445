//! `docs/provided.md`, which is made of the code: what the lab has of the kernel, the HAL and the
//! framework, each with the page that it follows and what is left out.
//!
//! `PAGEWISE_WRITE_DOCS=1 cargo test -p pagewise-lab --test provided` writes it anew.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod framework;
mod kernel;

use std::fs;
use std::path::{Path, PathBuf};

use pagewise_lab::survey::limit_of;

const DOCUMENT: &str = "../docs/provided.md";

/// Below learn.microsoft.com/windows-hardware/drivers/.
const PAGES: &str = "https://learn.microsoft.com/windows-hardware/drivers/";

/// A file or folder of the checkout.
fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A row of a table.
struct Row {
    name: String,
    page: Option<String>,
}

impl Row {
    fn write(&self) -> String {
        let Self { name, page } = self;
        let limit = limit_of(name).unwrap_or_default();
        match page {
            Some(page) if page.starts_with("https:") => {
                format!("| [`{name}`]({page}) | {limit} |\n")
            }
            Some(page) => format!("| [`{name}`]({PAGES}{page}) | {limit} |\n"),
            None => format!("| `{name}` | {limit} |\n"),
        }
    }
}

fn table(rows: &[Row]) -> String {
    let rows: String = rows.iter().map(Row::write).collect();
    format!("| name | what is left out |\n|---|---|\n{rows}")
}

fn document() -> String {
    let kernel = kernel::rows();
    let (framework, slots) = framework::rows();
    format!(
        "# What the lab provides\n\n\
         Made of the code by `PAGEWISE_WRITE_DOCS=1 cargo test -p pagewise-lab --test provided`; a \
         test fails when it is stale. Each name leads to the page whose semantics it follows. A \
         driver that imports a name that is not here is not loaded, and `pagewise-lab imports \
         X.sys` says so before; a function of the framework that is not here stops the machine by \
         name when it is called (bug check 0x10D).\n\n\
         ## ntoskrnl.exe and HAL.dll: {} names\n\n{}\n\
         ## KMDF 1.31: {} of {slots} functions\n\n{}",
        kernel.len(),
        table(&kernel),
        framework.len(),
        table(&framework)
    )
}

#[test]
fn the_document_is_what_the_code_says() {
    let path = source(DOCUMENT);
    let made = document();
    if std::env::var_os("PAGEWISE_WRITE_DOCS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    let stale = made.lines().find(|line| !stored.lines().any(|known| known == *line));
    assert!(
        stored == made,
        "docs/provided.md is stale{}; write it anew with PAGEWISE_WRITE_DOCS=1",
        stale.map(|line| format!(", it lacks {line:?}")).unwrap_or_default()
    );
}

#[test]
fn every_routine_names_the_page_that_it_follows() {
    // Variables have no page of their own.
    let variables = [
        "IoDeviceObjectType",
        "IoDriverObjectType",
        "IoFileObjectType",
        "NtBuildNumber",
        "PsProcessType",
        "PsThreadType",
    ];
    let rows = kernel::rows();
    let silent: Vec<&str> = rows
        .iter()
        .filter(|row| row.page.is_none() && !variables.contains(&row.name.as_str()))
        .map(|row| row.name.as_str())
        .collect();
    assert_eq!(silent, [""; 0], "their documentation names no page");
}
