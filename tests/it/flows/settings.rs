//! The names of settings: each is one of ours, or stands in the file of some earlier system.

use std::collections::BTreeSet;
use std::path::Path;

use pollux::config::names;

use crate::harness::env_file::Place;

/// Names that no earlier system had, by how they begin.
const OURS: &[&str] = &[
    "ALLOWED_HOSTS",
    "ALLOW_DEMO",
    "CODE_DELIVERY",
    "CONNECTIONS_PER_ADDRESS",
    "DATA_DIR",
    "DEFAULT_COUNTRY_CODE",
    "DEMO_REPLY_MS",
    "DOCS",
    "REDIS_PREFIX",
    "GEMINI_BASE_URL",
    "GEMINI_MODEL_PRO",
    "JWT_SECRET_PREVIOUS",
    "METRICS_",
    "OTP_CHECKS_",
    "OTP_SENDS_",
    "PAYMENTS",
    "PUBLIC_URL",
    "REFRESH_GRACE_SECONDS",
    "SMS_",
    "STRIPE_API_BASE",
    "STRIPE_GRACE_DAYS",
    "TRUSTED_PROXIES",
    "TWILIO_",
    "USER_",
    "WORKER_CONCURRENCY",
];

/// The names that the files of the five systems set.
fn names_in_files() -> BTreeSet<String> {
    let place = Place::new(8000, Path::new("/nowhere"), Some("postgres://user:password@localhost:5432/chat"));
    let files = [super::a::A, super::b::B, super::c::C, super::d::D, super::e::E].map(|system| (system.env)(&place));
    let lines = files.iter().flat_map(|text| text.lines()).filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim().to_owned()).collect()
}

#[test]
fn every_name_that_an_earlier_system_had_stands_in_the_file_of_one() {
    let in_files = names_in_files();
    let is_ours = |name: &str| OURS.iter().any(|ours| name == *ours || ours.ends_with('_') && name.starts_with(ours));
    for name in names::ALL.iter().flat_map(|setting| setting.0).chain(names::NOT_NEEDED) {
        assert!(in_files.contains(*name) != is_ours(name), "{name} is in no file and not ours, or both");
    }
    assert!(in_files.iter().any(|name| name.starts_with(names::NOT_NEEDED_PREFIX)));
}
