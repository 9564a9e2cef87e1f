//! What is counted for the operator, in Prometheus' text.

use std::borrow::Cow;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::domain::chat::Outcome;
use crate::domain::plan::Tier;

/// A label of one name; its values are few and ours.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label(&'static str, Cow<'static, str>);

impl EncodeLabelSet for Label {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> std::fmt::Result {
        use prometheus_client::encoding::EncodeLabel as _;
        (self.0, self.1.as_ref()).encode(encoder.encode_label())
    }
}

/// The statuses of nearly every answer need no memory of their own.
fn status_text(status: u16) -> Cow<'static, str> {
    match status {
        200 => "200".into(),
        201 => "201".into(),
        202 => "202".into(),
        204 => "204".into(),
        304 => "304".into(),
        other => other.to_string().into(),
    }
}

/// All counters of a process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Label, Counter>,
    request_seconds: Histogram,
    replies: Family<Label, Counter>,
    model_faults: Family<Label, Counter>,
    queue: Family<Label, Gauge>,
    queue_age_seconds: Gauge,
    quota_refusals: Counter,
    codes: Family<Label, Counter>,
    passwords: Family<Label, Counter>,
    texts: Family<Label, Counter>,
    text_deliveries: Family<Label, Counter>,
    tokens: Family<Label, Counter>,
    room_list_cache: Family<Label, Counter>,
    billing_events: Family<Label, Counter>,
    webhook_lag_seconds: Histogram,
    plan_changes: Family<Label, Counter>,
    billing_drift: Counter,
    security_events: Family<Label, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut this = Self {
            registry: Registry::with_prefix("pollux"),
            requests: Family::default(),
            request_seconds: Histogram::new(exponential_buckets(0.000_5, 2.0, 16)),
            replies: Family::default(),
            model_faults: Family::default(),
            queue: Family::default(),
            queue_age_seconds: Gauge::default(),
            quota_refusals: Counter::default(),
            codes: Family::default(),
            passwords: Family::default(),
            texts: Family::default(),
            text_deliveries: Family::default(),
            tokens: Family::default(),
            room_list_cache: Family::default(),
            billing_events: Family::default(),
            webhook_lag_seconds: Histogram::new(exponential_buckets(0.25, 4.0, 12)),
            plan_changes: Family::default(),
            billing_drift: Counter::default(),
            security_events: Family::default(),
        };
        this.register();
        this
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("requests", "Answers by status", self.requests.clone());
        registry.register("request_seconds", "Time to the head of an answer", self.request_seconds.clone());
        registry.register("replies", "Final replies by outcome", self.replies.clone());
        registry.register("model_faults", "Failed calls of the model by kind", self.model_faults.clone());
        registry.register("queue_jobs", "Jobs by state", self.queue.clone());
        registry.register("queue_age_seconds", "Age of the oldest ready job", self.queue_age_seconds.clone());
        registry.register("quota_refusals", "Messages refused by the daily quota", self.quota_refusals.clone());
        registry.register("codes", "One-time codes by event", self.codes.clone());
        registry.register("passwords", "Passwords by event", self.passwords.clone());
        registry.register("texts", "Texts handed to their carrier, by result", self.texts.clone());
        registry.register("text_deliveries", "Reports on texts, by state", self.text_deliveries.clone());
        registry.register("tokens", "Tokens counted by the model, by side", self.tokens.clone());
        registry.register("room_list_cache", "Room lists by where they came from", self.room_list_cache.clone());
        registry.register(
            "billing_events",
            "Events of the payment provider by what became of them",
            self.billing_events.clone(),
        );
        registry.register("webhook_lag_seconds", "From an event to its coming", self.webhook_lag_seconds.clone());
        registry.register("plan_changes", "Changes of plan, by the new one", self.plan_changes.clone());
        registry.register(
            "billing_drift",
            "Plans or mirrors that a comparison had to correct",
            self.billing_drift.clone(),
        );
        registry.register("security_events", "Security events by kind", self.security_events.clone());
    }

    /// Counts an answer.
    pub fn answered(&self, status: u16, seconds: f64) {
        self.requests.get_or_create(&Label("status", status_text(status))).inc();
        self.request_seconds.observe(seconds);
    }

    /// Counts a final reply and its tokens.
    pub fn reply_final(&self, outcome: Outcome, prompt_tokens: u32, reply_tokens: u32) {
        self.replies.get_or_create(&Label("outcome", outcome.as_str().into())).inc();
        self.tokens.get_or_create(&Label("side", "prompt".into())).inc_by(prompt_tokens.into());
        self.tokens.get_or_create(&Label("side", "reply".into())).inc_by(reply_tokens.into());
    }

    /// Counts a failed call of the model.
    pub fn model_failed(&self, fault: &'static str) {
        self.model_faults.get_or_create(&Label("fault", fault.into())).inc();
    }

    /// Notes how many jobs are in a state.
    pub fn queue_depth(&self, state: &str, count: i64) {
        self.queue.get_or_create(&Label("state", state.to_owned().into())).set(count);
    }

    /// Notes how long the oldest ready job has waited.
    pub fn queue_age(&self, seconds: i64) {
        self.queue_age_seconds.set(seconds);
    }

    /// Counts a message refused by the quota.
    pub fn quota_refused(&self) {
        self.quota_refusals.inc();
    }

    /// Counts something that happened to a code: `sent`, `refused`, `missed`, `used`.
    pub fn code(&self, event: &'static str) {
        self.codes.get_or_create(&Label("event", event.into())).inc();
    }

    /// Counts something that happened to a password: `right`, `missed`, `refused`, `set`.
    pub fn password(&self, event: &'static str) {
        self.passwords.get_or_create(&Label("event", event.into())).inc();
    }

    /// Counts what became of handing a text over: `accepted`, `unknown`, or why it was not sent.
    pub fn text_sent(&self, result: &'static str) {
        self.texts.get_or_create(&Label("result", result.into())).inc();
    }

    /// Counts a report that moved a text on.
    pub fn text_delivery(&self, state: &'static str) {
        self.text_deliveries.get_or_create(&Label("state", state.into())).inc();
    }

    /// Counts a room list that came from the cache (`hit`) or the database (`miss`).
    pub fn room_list(&self, source: &'static str) {
        self.room_list_cache.get_or_create(&Label("source", source.into())).inc();
    }

    /// Counts an event of the payment provider: `taken`, `seen_before`, `refused`.
    pub fn billing_event(&self, outcome: &'static str) {
        self.billing_events.get_or_create(&Label("outcome", outcome.into())).inc();
    }

    /// Notes how long an event was on its way.
    pub fn webhook_lag(&self, lag: std::time::Duration) {
        self.webhook_lag_seconds.observe(lag.as_secs_f64());
    }

    /// Counts a change of plan.
    pub fn plan_changed(&self, plan: Tier) {
        self.plan_changes.get_or_create(&Label("plan", plan.as_str().into())).inc();
    }

    /// Counts a customer whose mirror a comparison had to correct.
    pub fn drift_corrected(&self) {
        self.billing_drift.inc();
    }

    /// Counts a security event.
    pub fn security_event(&self, kind: &'static str) {
        self.security_events.get_or_create(&Label("kind", kind.into())).inc();
    }

    /// Everything, as Prometheus reads it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let _ = encode(&mut text, &self.registry);
        text
    }
}
