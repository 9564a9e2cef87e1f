//! Use cases that combine two or more of storage, live parts, providers and clock rules. A handler that only reads
//! calls the store itself.

pub mod again;
pub mod aside;
pub mod audit;
pub mod auth;
pub mod billing;
pub mod billing_events;
pub mod chats;
pub mod checkout;
pub mod closing;
pub mod context;
pub mod erasure;
pub mod export;
pub mod idempotency;
pub mod passwords;
pub mod plans;
pub mod queue;
pub mod reconcile;
pub mod refresh;
pub mod replies;
pub mod sending;
pub mod sessions;
pub mod stopping;
pub mod subscriptions;
pub mod summaries;
pub mod texts;
pub mod titles;
pub mod watch;
pub mod writing;
