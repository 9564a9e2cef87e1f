//! What may be lost at any moment without losing anything but speed.

pub mod breaker;
pub mod bus;
pub mod cache;
pub mod hasher;
pub mod in_flight;
pub mod limiter;
pub mod metrics;
pub mod trace;
