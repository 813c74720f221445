//! NTSTATUS values and their classes
//! (learn.microsoft.com/windows-hardware/drivers/kernel/using-ntstatus-values).

use crate::NTSTATUS;

mod generated {
    #![expect(missing_docs, reason = "generated from ntstatus.h")]

    use crate::NTSTATUS;

    include!(concat!(env!("OUT_DIR"), "/ntstatus.rs"));
}
pub use generated::*;

/// Whether `status` is a success or an informational value.
#[must_use]
#[expect(non_snake_case, reason = "the macro's name")]
pub const fn NT_SUCCESS(status: NTSTATUS) -> bool {
    status >= 0
}

/// Whether `status` is an error.
#[must_use]
#[expect(non_snake_case, reason = "the macro's name")]
pub const fn NT_ERROR(status: NTSTATUS) -> bool {
    status.cast_unsigned() >> 30 == 3
}

/// Whether `status` is a warning.
#[must_use]
#[expect(non_snake_case, reason = "the macro's name")]
pub const fn NT_WARNING(status: NTSTATUS) -> bool {
    status.cast_unsigned() >> 30 == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_their_published_values_and_classes() {
        assert_eq!(STATUS_SUCCESS, 0);
        assert_eq!(STATUS_PENDING, 0x103);
        assert_eq!(STATUS_NOT_LOCKED.cast_unsigned(), 0xc000_002a);
        assert_eq!(STATUS_BUFFER_OVERFLOW.cast_unsigned(), 0x8000_0005);
        assert!(NT_SUCCESS(STATUS_PENDING) && !NT_ERROR(STATUS_PENDING));
        assert!(NT_ERROR(STATUS_NOT_LOCKED) && !NT_SUCCESS(STATUS_NOT_LOCKED));
        assert!(NT_WARNING(STATUS_BUFFER_OVERFLOW) && !NT_SUCCESS(STATUS_BUFFER_OVERFLOW));
    }
}
