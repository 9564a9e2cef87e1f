//! Pollux: a self-hosted chat back end. People sign in with a code sent to their phone, keep rooms, and talk to
//! a model whose replies are written by workers from a durable queue.
//!
//! The house has four floors; an import goes down, never up or sideways:
//!
//! - top: [`http`] and [`worker`], the two doors, for requests and for jobs;
//! - second: [`services`], use cases that combine two or more of what lies below;
//! - between: [`app`], the tray that each request and job carries;
//! - first: [`storage`] (durable truth), [`live`] (what may be lost), [`providers`] (other people's services);
//! - ground: [`domain`], [`error`], [`config`]: types and rules.
//!
//! Beside them stand [`serve`], the accept loop, [`start`], which opens the doors, and [`fakes`], which play the outside.

pub mod app;
pub mod config;
pub mod domain;
pub mod error;
pub mod fakes;
pub mod http;
pub mod live;
pub mod providers;
pub mod serve;
pub mod services;
pub mod start;
pub mod storage;
pub mod worker;
