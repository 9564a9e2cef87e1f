//! What several benches need: the real binary in a process of its own, the people who use it, the servers it needs, and
//! figures.
#![allow(dead_code, reason = "each bench takes the part it needs")]

pub mod figures;
pub mod house;
pub mod person;
pub mod places;
