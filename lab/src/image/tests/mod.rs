//! Loading.

mod hostile;
mod loading;
