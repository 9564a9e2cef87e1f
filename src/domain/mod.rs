//! Types and rules, with no way to reach anything outside.

pub mod ids;
pub mod time;
