//! Names of IRP function codes
//! (learn.microsoft.com/windows-hardware/drivers/kernel/irp-major-function-codes, and the page of
//! each minor one).

use pagewise_lab_nt as nt;

const MAJOR: [&str; 28] = [
    "CREATE",
    "CREATE_NAMED_PIPE",
    "CLOSE",
    "READ",
    "WRITE",
    "QUERY_INFORMATION",
    "SET_INFORMATION",
    "QUERY_EA",
    "SET_EA",
    "FLUSH_BUFFERS",
    "QUERY_VOLUME_INFORMATION",
    "SET_VOLUME_INFORMATION",
    "DIRECTORY_CONTROL",
    "FILE_SYSTEM_CONTROL",
    "DEVICE_CONTROL",
    "INTERNAL_DEVICE_CONTROL",
    "SHUTDOWN",
    "LOCK_CONTROL",
    "CLEANUP",
    "CREATE_MAILSLOT",
    "QUERY_SECURITY",
    "SET_SECURITY",
    "POWER",
    "SYSTEM_CONTROL",
    "DEVICE_CHANGE",
    "QUERY_QUOTA",
    "SET_QUOTA",
    "PNP",
];

const PNP: [&str; 27] = [
    "START_DEVICE",
    "QUERY_REMOVE_DEVICE",
    "REMOVE_DEVICE",
    "CANCEL_REMOVE_DEVICE",
    "STOP_DEVICE",
    "QUERY_STOP_DEVICE",
    "CANCEL_STOP_DEVICE",
    "QUERY_DEVICE_RELATIONS",
    "QUERY_INTERFACE",
    "QUERY_CAPABILITIES",
    "QUERY_RESOURCES",
    "QUERY_RESOURCE_REQUIREMENTS",
    "QUERY_DEVICE_TEXT",
    "FILTER_RESOURCE_REQUIREMENTS",
    "",
    "READ_CONFIG",
    "WRITE_CONFIG",
    "EJECT",
    "SET_LOCK",
    "QUERY_ID",
    "QUERY_PNP_DEVICE_STATE",
    "QUERY_BUS_INFORMATION",
    "DEVICE_USAGE_NOTIFICATION",
    "SURPRISE_REMOVAL",
    "QUERY_LEGACY_BUS_INFORMATION",
    "DEVICE_ENUMERATED",
    "",
];

const POWER: [&str; 4] = ["WAIT_WAKE", "POWER_SEQUENCE", "SET_POWER", "QUERY_POWER"];

/// Such as `IRP_MJ_CREATE`, or `IRP_MN_START_DEVICE` of those whose major function says little.
pub(super) fn name(major: u8, minor: u8) -> String {
    let minors: &[&str] = match u32::from(major) {
        nt::IRP_MJ_PNP => &PNP,
        nt::IRP_MJ_POWER => &POWER,
        _ => &[],
    };
    if let Some(minor) = minors.get(usize::from(minor)).filter(|name| !name.is_empty()) {
        return format!("IRP_MN_{minor}");
    }
    match MAJOR.get(usize::from(major)) {
        Some(name) => format!("IRP_MJ_{name}"),
        None => format!("IRP_MJ {major:#x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_names_of_the_headers() {
        assert_eq!(name(nt::IRP_MJ_DEVICE_CONTROL as u8, 0), "IRP_MJ_DEVICE_CONTROL");
        assert_eq!(name(nt::IRP_MJ_CLEANUP as u8, 0), "IRP_MJ_CLEANUP");
        let pnp = |minor: u32| name(nt::IRP_MJ_PNP as u8, minor as u8);
        assert_eq!(pnp(nt::IRP_MN_QUERY_ID), "IRP_MN_QUERY_ID");
        assert_eq!(pnp(nt::IRP_MN_SURPRISE_REMOVAL), "IRP_MN_SURPRISE_REMOVAL");
        assert_eq!(pnp(0x99), "IRP_MJ_PNP");
        assert_eq!(name(nt::IRP_MJ_POWER as u8, nt::IRP_MN_SET_POWER as u8), "IRP_MN_SET_POWER");
        assert_eq!(name(0xff, 0), "IRP_MJ 0xff");
    }
}
