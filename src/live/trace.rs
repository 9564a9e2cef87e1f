//! Traces: a request and the job that comes of it are one story, told to whoever collects such stories. A build without the
//! feature `otel` tells none, and what is called here is nothing then.
//!
//! Attributes are routes, methods, statuses, kinds and outcomes; never texts, numbers of phones or tokens.

#[cfg(not(feature = "otel"))]
mod off;
#[cfg(feature = "otel")]
mod on;

#[cfg(not(feature = "otel"))]
pub use off::{Span, current, job, request, step, within};
#[cfg(feature = "otel")]
pub use on::{Span, TARGET, current, job, request, step, switch_on, within};
