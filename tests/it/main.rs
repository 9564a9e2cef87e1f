//! The one integration test binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

mod api;
mod config;
mod crash;
mod docs;
mod footprint;
mod gemini;
mod harness;
mod house;
mod jobs;
mod main_job;
mod operator;
mod proof;
mod quota;
mod signin;
mod storage;
mod stripe;
mod transport;
