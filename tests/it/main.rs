//! The one integration test binary.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod docs;
mod config;
mod transport;
