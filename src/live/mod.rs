//! What may be lost at any moment without losing anything but speed.

pub mod breaker;
pub mod bus;
pub mod cache;
pub mod hasher;
pub mod heed;
pub mod in_flight;
pub mod limiter;
pub mod metrics;
pub mod note;
pub mod redis;
pub mod rooms;
pub mod shared_rooms;
mod shared_windows;
pub mod streams;
pub mod trace;
