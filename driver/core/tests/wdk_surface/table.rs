//! The table in `docs/wdk-surface.md`.

/// One row: an item, and why it is believed to be so.
pub struct Row {
    /// The path, or the framework function's name.
    pub item: String,
    /// Signature, type or fields.
    pub definition: String,
    /// Where the public can see it.
    pub evidence: String,
}

/// The rows whose first cell is code.
pub fn parse(text: &str) -> Vec<Row> {
    text.lines().filter_map(row).collect()
}

fn row(line: &str) -> Option<Row> {
    let cells: Vec<_> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').collect();
    let item = cells.first()?.trim().strip_prefix('`')?.strip_suffix('`')?.to_owned();
    let cell = |index: usize| cells.get(index).map_or("", |cell| cell.trim()).to_owned();
    Some(Row { item, definition: cell(2), evidence: cell(3) })
}
