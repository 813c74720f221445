//! Routines of the kernel and the HAL: their names are the exports, their pages stand in the
//! documentation of the functions.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use pagewise_lab::exports;

use crate::{Row, source};

/// What is exported, by name.
pub fn rows() -> Vec<Row> {
    let mut documented = HashMap::new();
    let mut aliases = HashMap::new();
    read(&source("src"), &mut documented, &mut aliases);
    let mut rows: Vec<Row> = exports::all()
        .map(|export| {
            let name = export.name();
            let function = aliases.get(name).map_or(name, String::as_str);
            let page = documented.get(function).and_then(|text| page(text));
            Row { name: name.to_owned(), page }
        })
        .collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows
}

/// Collects the documentation of every win64 function below a folder, and what `"Name" = function`
/// exports under another name.
fn read(
    folder: &Path,
    documented: &mut HashMap<String, String>,
    aliases: &mut HashMap<String, String>,
) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, documented, aliases);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            read_file(&fs::read_to_string(path).unwrap(), documented, aliases);
        }
    }
}

fn read_file(
    text: &str,
    documented: &mut HashMap<String, String>,
    aliases: &mut HashMap<String, String>,
) {
    let mut doc = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("///") {
            doc.push_str(words);
        } else if !line.starts_with("#[") && !line.starts_with("//") {
            if let Some((_, rest)) = line.split_once("extern \"win64\" fn ") {
                let name = rest.split(['(', '<']).next().unwrap_or_default();
                documented.entry(name.to_owned()).or_insert_with(|| doc.clone());
            }
            if let Some((name, rest)) =
                line.strip_prefix('"').and_then(|rest| rest.split_once("\" = "))
            {
                let function = rest.split('(').next().unwrap_or_default();
                aliases.insert(name.to_owned(), function.to_owned());
            }
            doc.clear();
        }
    }
}

/// The first page that the documentation names.
fn page(doc: &str) -> Option<String> {
    let clean = |page: &str| page.trim_end_matches(['.', ',', ';', ')', ':']).to_owned();
    if let Some((_, rest)) = doc.split_once("Page: ").or_else(|| doc.split_once("Pages: ")) {
        let page = clean(rest.split_whitespace().next()?);
        return Some(match () {
            () if page.starts_with("learn.") => format!("https://{page}"),
            () if page.contains("/nf-") || page.contains("/ns-") => format!("ddi/{page}"),
            () => page,
        });
    }
    let (_, rest) = doc.split_once("learn.microsoft.com/")?;
    Some(format!("https://learn.microsoft.com/{}", clean(rest.split_whitespace().next()?)))
}
