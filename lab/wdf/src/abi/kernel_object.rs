//! Structures of timers, work items and DPCs (wdftimer.h, wdfworkitem.h, wdfdpc.h).

use super::{Boolean, Handle, layout};

/// `EVT_WDF_TIMER`, `EVT_WDF_WORKITEM`, `EVT_WDF_DPC`: the object itself.
pub type EvtSelf = unsafe extern "win64" fn(Handle);

/// `WDF_TIMER_CONFIG`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TimerConfig {
    /// Bytes of this structure.
    pub size: u32,
    /// `EvtTimerFunc`
    pub function: Option<EvtSelf>,
    /// Milliseconds; 0 fires once.
    pub period: u32,
    /// Whether the parent's callback lock is held around it.
    pub automatic_serialization: Boolean,
    /// Milliseconds.
    pub tolerable_delay: u32,
    /// What follows is 8-aligned.
    pub align: [u64; 0],
    /// Whether a high-resolution timer is wanted.
    pub high_resolution: Boolean,
}

layout!(
    TimerConfig, 40,
    function @ 8, period @ 16, automatic_serialization @ 20, tolerable_delay @ 24,
    high_resolution @ 32,
);

/// `WDF_WORKITEM_CONFIG` and `WDF_DPC_CONFIG`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CallbackConfig {
    /// Bytes of this structure.
    pub size: u32,
    /// `EvtWorkItemFunc` or `EvtDpcFunc`
    pub function: Option<EvtSelf>,
    /// Whether the parent's callback lock is held around it.
    pub automatic_serialization: Boolean,
}

layout!(CallbackConfig, 24, function @ 8, automatic_serialization @ 16);
