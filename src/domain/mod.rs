//! Types and rules, with no way to reach anything outside.

pub mod audit;
pub mod chat;
pub mod country;
pub mod day;
pub mod ids;
pub mod job;
pub mod keys;
pub mod locale;
pub mod markdown;
pub mod opaque;
pub mod otp;
pub mod otp_text;
pub mod password;
pub mod phone;
pub mod plan;
pub mod refresh;
pub mod stream;
pub mod subscription;
pub mod summary;
pub mod text;
pub mod time;
pub mod title;
pub mod token;
pub mod usage;
pub mod user;
