//! Chaos for several processes on a PostgreSQL and a Redis of their own: what was accepted stays accepted and is
//! answered once, whoever dies, sleeps or can't be reached.

mod cluster;
mod exposed;
pub mod history;
mod network;
mod outages;
mod proxy;
pub mod records;
mod storm;
mod upstream;
mod zombies;
