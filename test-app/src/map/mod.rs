//! The map: sections times pages, policy and observation in rows of their own.
//!
//! [`lines`](fn@lines) lays it out as lines of marked text; [`text`] prints them, [`svg`](fn@svg)
//! draws the same picture as a file, and `watch` shows them on the screen.

mod json;
mod lines;
mod svg;
mod text;

pub use json::MapJson;
pub use lines::{Glyphs, Line, Role, Span, body, legend, lines};
pub use svg::svg;
pub use text::print;

#[cfg(test)]
pub(crate) mod sample;
