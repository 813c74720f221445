//! The current IRQL.

use super::routine::Routine;

/// `PASSIVE_LEVEL`
pub const PASSIVE_LEVEL: u8 = 0;
/// `APC_LEVEL`
pub const APC_LEVEL: u8 = 1;

static KE_GET_CURRENT_IRQL: Routine = Routine::new(b"KeGetCurrentIrql");

/// The current IRQL, as far as the host knows: one without `KeGetCurrentIrql` does not model IRQL,
/// and everything there is at PASSIVE_LEVEL.
///
/// # IRQL
/// Any, once [`find`] was called.
pub fn current() -> u8 {
    let Some(routine) = KE_GET_CURRENT_IRQL.get() else { return PASSIVE_LEVEL };
    // SAFETY: the address is that of the host's `KIRQL KeGetCurrentIrql(void)`.
    let routine: unsafe extern "win64" fn() -> u8 = unsafe { core::mem::transmute(routine) };
    // SAFETY: callable at any IRQL.
    unsafe { routine() }
}

/// Looks the routine up, once.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn find() {
    KE_GET_CURRENT_IRQL.find();
}
