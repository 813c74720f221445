//! The last paging actions, with the places of who asked.

use pagewise_lab_wire::PagingAction;

use super::place::{self, CALLED};
use super::stack::Walker;
use super::symbols::Symbols;
use crate::trail::paging::{self, Action, Asker};

/// The actions that are kept, and for those that a raise of the IRQL forced, the return address in
/// the driver that raised.
pub(super) fn actions(walker: &mut Walker) -> Vec<(Action, Option<u64>)> {
    paging::last()
        .into_iter()
        .map(|action| {
            let above = match &action.by {
                Asker::Above(frame, words) => walker.driver_above(*frame, words),
                _ => None,
            };
            (action, above)
        })
        .collect()
}

/// The same, with names.
pub(super) fn told(
    actions: &[(Action, Option<u64>)],
    symbols: &mut Symbols<'_>,
) -> Vec<PagingAction> {
    actions
        .iter()
        .map(|(action, above)| {
            let by = match action.by {
                Asker::None => None,
                Asker::At(address) => Some((address, 0)),
                Asker::ReturningTo(address) => Some((address, CALLED)),
                Asker::Above(..) => above.map(|address| (address, CALLED)),
            };
            let target = Some(action.target).filter(|&target| target != 0);
            PagingAction {
                number: action.number,
                before_us: action.before_us,
                action: action.action,
                pages: action.pages,
                target: target.map(|address| place::frame(address, 0, symbols)),
                section: target.and_then(place::section),
                by: by.map(|(address, depth)| place::frame(address, depth, symbols)),
                irql: action.irql,
                processor: action.processor,
            }
        })
        .collect()
}
