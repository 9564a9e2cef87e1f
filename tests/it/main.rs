//! The one integration test binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

mod config;
mod docs;
mod gemini;
mod harness;
mod house;
mod main_job;
mod signin;
mod storage;
mod transport;
