//! Use cases that combine two or more of storage, live parts, providers and clock rules. A handler that only reads
//! calls the store itself.

pub mod auth;
pub mod chats;
pub mod context;
pub mod idempotency;
pub mod plans;
pub mod replies;
