//! Functions and lines of a PDB.

use std::collections::HashMap;
use std::path::Path;

use pdb_addr2line::pdb::{FallibleIterator, PDB};
use pdb_addr2line::{ContextPdbData, TypeFormatterFlags};

use super::{Function, Line, Symbols};
use crate::bugcheck::pdb_beside;

/// What the PDB beside an image says, if it is the one that was made with it.
pub(super) fn symbols(image: &Path) -> Option<Symbols> {
    let mut symbols = Symbols::default();
    lines(&mut pdb_beside(image)?, &mut symbols).ok()?;
    symbols.functions = functions(pdb_beside(image)?).ok()?;
    Some(symbols)
}

type File = std::fs::File;

fn functions(pdb: PDB<'static, File>) -> Result<Vec<Function>, pdb_addr2line::Error> {
    let names = TypeFormatterFlags::NO_FUNCTION_RETURN
        | TypeFormatterFlags::NO_ARGUMENTS
        | TypeFormatterFlags::NAME_ONLY;
    let data = ContextPdbData::try_from_pdb(pdb)?;
    let context = data.make_context_with_formatter_flags(names)?;
    let mut functions: Vec<_> = context
        .functions()
        .filter_map(|function| {
            let (begin, end) = (function.start_rva, function.end_rva?);
            // No string table has a NUL within a string.
            let name = function.name?.replace('\0', "?");
            Some(Function { name, begin, end }).filter(|it| it.begin < it.end)
        })
        .collect();
    functions.sort_by_key(|function| function.begin);
    functions.dedup_by_key(|function| function.begin);
    Ok(functions)
}

fn lines(pdb: &mut PDB<'static, File>, symbols: &mut Symbols) -> pdb_addr2line::pdb::Result<()> {
    let (addresses, strings) = (pdb.address_map()?, pdb.string_table()?);
    let information = pdb.debug_information()?;
    let mut known = HashMap::new();
    let mut modules = information.modules()?;
    while let Some(module) = modules.next()? {
        let Some(module) = pdb.module_info(&module)? else { continue };
        let program = module.line_program()?;
        let mut lines = program.lines();
        while let Some(line) = lines.next()? {
            let (Some(begin), Some(length)) = (line.offset.to_rva(&addresses), line.length) else {
                continue;
            };
            let name = program.get_file_info(line.file_index)?.name.to_string_lossy(&strings)?;
            let Symbols { files, lines, .. } = &mut *symbols;
            let file = *known.entry(name.clone().into_owned()).or_insert_with(|| {
                files.push(name.into_owned());
                files.len() - 1
            });
            let end = begin.0.saturating_add(length);
            lines.push(Line { begin: begin.0, end, file, line: line.line_start });
        }
    }
    symbols.lines.sort_by_key(|line| line.begin);
    symbols.lines.dedup_by_key(|line| line.begin);
    Ok(())
}
