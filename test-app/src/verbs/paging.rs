//! `page` and `reset`.

use std::io::Write;

use pagewise_contract::PagingAction;
use serde::Serialize;

use super::{open, print_json};
use crate::error::Error;
use crate::exit::Exit;
use crate::machine::{Access, Machine};
use crate::snapshot::policy_name;

#[derive(Serialize)]
struct PolicyJson {
    schema: u32,
    policy: &'static str,
    page_calls: u64,
    reset_calls: u64,
}

pub(super) fn page(machine: &dyn Machine, json: bool, out: &mut dyn Write) -> Result<Exit, Error> {
    set(machine, PagingAction::PageEntire, json, out)
}

pub(super) fn reset(machine: &dyn Machine, json: bool, out: &mut dyn Write) -> Result<Exit, Error> {
    set(machine, PagingAction::Reset, json, out)
}

fn set(
    machine: &dyn Machine,
    action: PagingAction,
    json: bool,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    let state = open(machine, Access::ReadWrite)?.set_paging(action)?;
    let policy = policy_name(state.policy());
    if json {
        let (page_calls, reset_calls) = (state.page_calls, state.reset_calls);
        return print_json(out, &PolicyJson { schema: 1, policy, page_calls, reset_calls });
    }
    writeln!(out, "policy: {policy}")?;
    Ok(Exit::Ok)
}
