//! The door for requests.

pub mod transport;
