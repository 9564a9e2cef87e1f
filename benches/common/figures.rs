//! What spans of time come to.

use std::time::Duration;

/// What a round came to.
#[derive(Clone, Copy)]
pub struct Figures {
    pub count: f64,
    pub rate: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

impl Figures {
    pub fn of(mut spans: Vec<Duration>, took: Duration) -> Self {
        spans.sort_unstable();
        let at = |share: usize| {
            let span = spans.get(spans.len() * share / 100).or(spans.last());
            span.map_or(0.0, |span| span.as_secs_f64() * 1e3)
        };
        let count = spans.len() as f64;
        Self { count, rate: count / took.as_secs_f64(), p50_ms: at(50), p99_ms: at(99), max_ms: at(100) }
    }

    /// The median of each figure of the rounds.
    pub fn medians(rounds: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(rounds.iter().map(figure));
        Self {
            count: of(|round| round.count),
            rate: of(|round| round.rate),
            p50_ms: of(|round| round.p50_ms),
            p99_ms: of(|round| round.p99_ms),
            max_ms: of(|round| round.max_ms),
        }
    }
}

pub fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = figures.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// How busy the machine was over the last minute: processes that ran or would have.
pub fn load_average() -> String {
    let told = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    told.split(' ').next().unwrap_or("?").to_owned()
}

/// So many rounds, or as many as `BENCH_ROUNDS` says.
pub fn rounds(usual: usize) -> usize {
    std::env::var("BENCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Whether a part is to be measured: all of them, unless `BENCH_ONLY` names one.
pub fn is_wanted(name: &str) -> bool {
    std::env::var("BENCH_ONLY").map_or(true, |only| only == name)
}
