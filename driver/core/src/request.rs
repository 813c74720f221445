//! One request, typed.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::refusal::Refusal;

/// The buffers of a `METHOD_BUFFERED` request.
///
/// Input and output are the *same* memory, so a method borrows the request for as long as its
/// buffer is in use: a reply cannot be begun while a part of the question is still needed.
pub trait Request {
    /// Bytes of input.
    fn input_length(&self) -> usize;

    /// The input buffer.
    ///
    /// # Errors
    /// [`Refusal::BufferTooSmall`] if it is shorter than `least`, or what the framework says.
    fn input(&mut self, least: usize) -> Result<&[u8], Refusal>;

    /// The output buffer, which still holds the input.
    ///
    /// # Errors
    /// [`Refusal::BufferTooSmall`] if it is shorter than `least`, or what the framework says.
    fn output(&mut self, least: usize) -> Result<&mut [u8], Refusal>;
}

/// Refuses any input.
pub fn expect_empty(request: &impl Request) -> Result<(), Refusal> {
    if request.input_length() == 0 { Ok(()) } else { Err(Refusal::InvalidBufferSize) }
}

/// Takes the whole input out of the buffer.
pub fn take<T: FromBytes>(request: &mut impl Request) -> Result<T, Refusal> {
    let input = request.input(size_of::<T>())?;
    // The length is known to be no shorter; what remains is longer.
    T::read_from_bytes(input).map_err(|_| Refusal::InvalidBufferSize)
}

/// Asserts that there is room for `bytes` of output.
pub fn expect_room(request: &mut impl Request, bytes: usize) -> Result<(), Refusal> {
    request.output(bytes).map(|_| ())
}

/// Answers with `reply` and says how long it is.
pub fn answer<T>(request: &mut impl Request, reply: &T) -> Result<usize, Refusal>
where
    T: IntoBytes + Immutable,
{
    let output = request.output(size_of::<T>())?;
    reply.write_to_prefix(output).map_err(|_| Refusal::BufferTooSmall)?;
    Ok(size_of::<T>())
}
