//! The one integration test binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

mod again;
mod api;
mod billing;
mod chaos;
mod config;
mod crash;
mod deploy;
mod docs;
mod doctor;
mod flows;
mod footprint;
mod fuzz;
mod gemini;
mod harness;
mod house;
mod jobs;
mod main_job;
mod metrics;
mod operator;
mod passwords;
mod postman;
mod proof;
mod quota;
mod rights;
mod scaled;
mod signin;
mod sms;
mod storage;
mod streams;
mod stripe;
mod summaries;
mod threats;
mod titles;
mod traces;
mod transport;
