//! How metrics are entered, and the labels they carry: few values, and all ours.

use std::borrow::Cow;

use prometheus_client::encoding::{EncodeLabel as _, EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry};

/// A label of one name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Label(pub &'static str, pub Cow<'static, str>);

/// Labels of two names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Labels(pub Label, pub Label);

pub(super) type Counters = Family<Label, Counter>;
pub(super) type Gauges = Family<Labels, Gauge>;

impl EncodeLabelSet for Label {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> std::fmt::Result {
        (self.0, self.1.as_ref()).encode(encoder.encode_label())
    }
}

impl EncodeLabelSet for Labels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> std::fmt::Result {
        self.0.encode(encoder)?;
        self.1.encode(encoder)
    }
}

/// Counts one more under a label.
pub(super) fn count(family: &Counters, name: &'static str, value: &'static str) {
    family.get_or_create(&Label(name, value.into())).inc();
}

/// The registry while it is being filled, and the names that were given.
pub(super) struct Book<'a> {
    registry: &'a mut Registry,
    prefix: &'static str,
    names: Vec<String>,
}

impl<'a> Book<'a> {
    pub fn new(registry: &'a mut Registry, prefix: &'static str) -> Self {
        Self { registry: registry.sub_registry_with_prefix(prefix), prefix, names: Vec::new() }
    }

    /// Enters a metric and hands it back.
    pub fn enter<M: Metric + Clone>(&mut self, name: &'static str, help: &'static str, metric: M) -> M {
        let suffix = if matches!(metric.metric_type(), MetricType::Counter) { "_total" } else { "" };
        self.name(&format!("{name}{suffix}"));
        self.registry.register(name, help, metric.clone());
        metric
    }

    /// Enters counters by a label.
    pub fn counters(&mut self, name: &'static str, help: &'static str) -> Counters {
        self.enter(name, help, Counters::default())
    }

    /// The registry itself, for what writes its own lines; its name is to be given too.
    pub fn registry(&mut self) -> &mut Registry {
        self.registry
    }

    pub fn name(&mut self, name: &str) {
        self.names.push(format!("{}_{name}", self.prefix));
    }

    pub fn names(self) -> Vec<String> {
        self.names
    }
}
