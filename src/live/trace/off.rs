//! No traces: every call is nothing.

use crate::domain::job::Job;

/// Nothing.
#[derive(Clone, Debug)]
pub struct Span;

impl Span {
    /// Tells how a request was answered.
    #[inline]
    pub fn answered(&self, _: &str, _: &str, _: u16) {}
}

/// A request; `parent` is what came in its head.
#[inline]
#[must_use]
pub fn request(_: &str, _: Option<&str>) -> Span {
    Span
}

/// A job, from its claim to its end.
#[inline]
#[must_use]
pub fn job(_: &Job) -> Span {
    Span
}

/// A part of the request or job at work.
#[inline]
#[must_use]
pub fn step(_: &'static str) -> Span {
    Span
}

/// Does a work as part of a span.
#[inline]
pub fn within<F: Future>(_: Span, work: F) -> F {
    work
}

/// The place in a trace that a job goes on from.
#[inline]
#[must_use]
pub fn current() -> Option<String> {
    None
}
