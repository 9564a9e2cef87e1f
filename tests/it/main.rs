//! The one integration test binary.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod config;
mod docs;
mod gemini;
mod transport;
