//! What clients ask for: `DeviceIoControl`, `ReadFile`, `WriteFile`.

use pagewise_lab_nt as nt;

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub enum Operation<'a> {
    /// `DeviceIoControl`
    Control {
        /// The control code.
        code: u32,
        /// The input.
        input: &'a [u8],
        /// What the output buffer holds before: for `METHOD_IN_DIRECT` it is further input. Of
        /// buffered requests the driver does not see it.
        output: &'a [u8],
    },
    /// `ReadFile`
    Read {
        /// `Offset` of the `OVERLAPPED`.
        offset: u64,
    },
    /// `WriteFile`
    Write {
        /// `Offset` of the `OVERLAPPED`.
        offset: u64,
        /// What to write.
        data: &'a [u8],
    },
}

impl Operation<'_> {
    /// `IRP_MJ_*`
    #[must_use]
    pub const fn major(&self) -> u32 {
        match self {
            Self::Control { .. } => nt::IRP_MJ_DEVICE_CONTROL,
            Self::Read { .. } => nt::IRP_MJ_READ,
            Self::Write { .. } => nt::IRP_MJ_WRITE,
        }
    }

    /// The access that a handle needs for it.
    #[must_use]
    pub const fn required(&self) -> u32 {
        match self {
            Self::Control { code, .. } => *code >> 14 & (nt::FILE_READ_DATA | nt::FILE_WRITE_DATA),
            Self::Read { .. } => nt::FILE_READ_DATA,
            Self::Write { .. } => nt::FILE_WRITE_DATA,
        }
    }
}

/// A client's request.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The client's number for it.
    pub id: u64,
    /// What is to be done.
    pub operation: Operation<'a>,
    /// Bytes of output the client has room for.
    pub output_length: u32,
}

/// `DeviceIoControl` with nothing in its output buffer.
#[derive(Clone, Copy, Debug)]
pub struct DeviceControl<'a> {
    /// The client's number for it.
    pub id: u64,
    /// The control code.
    pub code: u32,
    /// The input.
    pub input: &'a [u8],
    /// Bytes of output the client has room for.
    pub output_length: u32,
}

impl<'a> From<DeviceControl<'a>> for Ask<'a> {
    fn from(control: DeviceControl<'a>) -> Self {
        let DeviceControl { id, code, input, output_length } = control;
        Self { id, operation: Operation::Control { code, input, output: &[] }, output_length }
    }
}
