//! Traces as spans of `tracing`, under a target of their own, which the log leaves out and the exporter takes.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, trace::Status};
use tracing::instrument::Instrumented;
use tracing::{Instrument as _, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::domain::job::{Job, JobKind};

/// What spans of traces are called, to tell them from the log's.
pub const TARGET: &str = "pollux::trace";

static IS_ON: AtomicBool = AtomicBool::new(false);

/// Begins to tell; before this, every call is nearly nothing.
pub fn switch_on() {
    IS_ON.store(true, Ordering::Relaxed);
}

/// A part of a trace; none while nothing is told.
#[derive(Clone, Debug)]
pub struct Span(tracing::Span);

impl Span {
    /// Tells how a request was answered.
    pub fn answered(&self, method: &str, route: &str, status: u16) {
        if self.0.is_disabled() {
            return;
        }
        // The route is known only at the end, when the name can't be recorded any more.
        self.0.context().span().update_name(format!("{method} {route}"));
        self.0.record("http.route", route);
        self.0.record("http.response.status_code", status);
        if status >= 500 {
            self.0.set_status(Status::error(""));
        }
    }
}

/// A request; `parent` is the `traceparent` that came in its head.
#[must_use]
pub fn request(method: &str, parent: Option<&str>) -> Span {
    if !IS_ON.load(Ordering::Relaxed) {
        return Span(tracing::Span::none());
    }
    let span = tracing::info_span!(
        target: TARGET, parent: None, "request", otel.kind = "server", http.request.method = method,
        http.route = Empty, http.response.status_code = Empty,
    );
    follow(&span, parent);
    Span(span)
}

/// A job, from its claim to its end, as a part of the trace of its request.
#[must_use]
pub fn job(job: &Job) -> Span {
    if !IS_ON.load(Ordering::Relaxed) {
        return Span(tracing::Span::none());
    }
    let kind = job.kind.map_or("unknown", JobKind::as_str);
    let span = tracing::info_span!(
        target: TARGET, parent: None, "job", otel.name = kind, otel.kind = "consumer", job.kind = kind,
        job.attempt = job.attempt,
    );
    follow(&span, job.trace_parent.as_deref());
    Span(span)
}

/// A part of the request or job at work.
#[must_use]
pub fn step(name: &'static str) -> Span {
    if !IS_ON.load(Ordering::Relaxed) {
        return Span(tracing::Span::none());
    }
    Span(tracing::info_span!(target: TARGET, "step", otel.name = name))
}

/// Does a work as part of a span.
pub fn within<F: Future>(span: Span, work: F) -> Instrumented<F> {
    work.instrument(span.0)
}

/// The place in a trace that a job goes on from, as W3C writes it.
#[must_use]
pub fn current() -> Option<String> {
    if !IS_ON.load(Ordering::Relaxed) {
        return None;
    }
    let context = tracing::Span::current().context();
    let place = context.span().span_context().clone();
    let flags = place.trace_flags().to_u8();
    place.is_valid().then(|| format!("00-{}-{}-{flags:02x}", place.trace_id(), place.span_id()))
}

fn follow(span: &tracing::Span, parent: Option<&str>) {
    if let Some(place) = parent.and_then(parse) {
        // Refused only for a span that has begun, which this one has not.
        let _ = span.set_parent(Context::new().with_remote_span_context(place));
    }
}

/// Reads a `traceparent`: version, trace, span and flags in small hexadecimal digits. Versions after 00 may have more.
fn parse(text: &str) -> Option<SpanContext> {
    let mut parts = text.split('-');
    let mut part = |length: usize| {
        let part = parts.next()?;
        let is_hex = part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        (part.len() == length && is_hex).then_some(part)
    };
    let (version, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    if version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    Some(SpanContext::new(trace, span, flags, true, TraceState::NONE)).filter(SpanContext::is_valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_taken_only_as_it_is_defined() {
        let sound = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(parse(sound).is_some_and(|place| place.is_sampled() && place.is_remote()));
        assert!(parse(&sound.replace("-01", "-00")).is_some_and(|place| !place.is_sampled()));
        assert!(parse(&format!("01{}-more", &sound[2..])).is_some());
        for bad in [
            "",
            "00",
            &format!("{sound}-more"),
            &sound.to_uppercase(),
            &sound.replace("00f067aa0ba902b7", "0000000000000000"),
            &sound.replace("4bf92f3577b34da6a3ce929d0e0e4736", "00000000000000000000000000000000"),
            &format!("ff{}", &sound[2..]),
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
