//! The door for requests.

pub mod assets;
pub mod docs;
pub mod web;
