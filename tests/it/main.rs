//! The one integration test binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

mod api;
mod billing;
mod chaos;
mod config;
mod crash;
mod docs;
mod footprint;
mod fuzz;
mod gemini;
mod harness;
mod house;
mod jobs;
mod main_job;
mod operator;
mod passwords;
mod proof;
mod quota;
mod rights;
mod signin;
mod sms;
mod storage;
mod stripe;
mod threats;
mod transport;
