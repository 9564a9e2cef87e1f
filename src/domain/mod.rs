//! Types and rules, with no way to reach anything outside.

pub mod chat;
pub mod ids;
pub mod job;
pub mod keys;
pub mod otp;
pub mod phone;
pub mod plan;
pub mod subscription;
pub mod text;
pub mod time;
pub mod token;
pub mod user;
