//! The one integration test binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

mod config;
mod docs;
mod gemini;
mod harness;
mod main_job;
mod stripe;
mod transport;
