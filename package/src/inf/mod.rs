//! INF files.
