//! The C types as they are on Windows x64, on whatever host this is compiled: `long` has 32 bits.
#![expect(non_camel_case_types, reason = "the names bindgen asks for")]
#![expect(missing_docs, reason = "C's own names")]

pub use core::ffi::c_void;

pub type c_char = i8;
pub type c_schar = i8;
pub type c_uchar = u8;
pub type c_short = i16;
pub type c_ushort = u16;
pub type c_int = i32;
pub type c_uint = u32;
pub type c_long = i32;
pub type c_ulong = u32;
pub type c_longlong = i64;
pub type c_ulonglong = u64;
pub type c_float = f32;
pub type c_double = f64;
