//! What may be lost at any moment without losing anything but speed.

pub mod bus;
pub mod cache;
pub mod limiter;
pub mod metrics;
