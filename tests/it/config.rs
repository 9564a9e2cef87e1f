//! The settings, as operators write them.

mod code_senders;
mod demo_parts;
mod env_files;
mod signing_keys;

use std::time::Duration;

use pollux::config::{CodeDelivery, Config, ConfigFaults, Database, PaymentMode, Settings, SigningKeys, names};
use secrecy::ExposeSecret as _;

const KEY: &str = "3f9c1b7a5d2e8064c7f1a9b35e0d6482b1c8e7f60a93d54278be1f06c9a7d352";
const OTHER_KEY: &str = "c27d90f1b86a43e5d0f9721c6eb84a35f7069d1e2c5b8a0493e6d7f1ab52c840";

fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigFaults> {
    Config::read(&Settings::from_pairs(pairs.iter().copied()))
}

fn told(pairs: &[(&str, &str)]) -> String {
    read(pairs).expect_err("these settings should be refused").to_string()
}

#[test]
fn nothing_set_is_a_whole_service_on_this_machine() {
    let config = read(&[]).unwrap();
    assert_eq!(config.listen.address.to_string(), "127.0.0.1:8000");
    assert!(matches!(&config.database, Database::Sqlite { file } if file.ends_with("data/pollux.db")));
    assert_eq!(config.codes.delivery, CodeDelivery::Echo);
    assert_eq!(config.codes.life, Duration::from_mins(5));
    assert_eq!(config.token_life, Duration::from_hours(24));
    assert_eq!(config.payments.mode, PaymentMode::Demo);
    assert_eq!((config.basic_daily_limit, config.worker_concurrency), (5, 64));
    assert_eq!(config.limits.user_requests_per_minute.map(u32::from), Some(120));
    assert_eq!((config.notes.as_slice(), config.not_needed.as_slice()), (&[][..], &[][..]));
}

#[test]
fn the_first_name_that_is_set_wins_and_an_empty_one_is_not_set() {
    for setting in names::ALL.iter().filter(|setting| setting.0.len() > 1) {
        let pairs: Vec<_> = setting.0.iter().map(|name| (*name, "  ")).collect();
        assert!(read(&pairs).is_ok(), "{setting:?}");
    }
    let both = read(&[("JWT_SECRET", KEY), ("SECRET_KEY", OTHER_KEY)]).unwrap();
    assert_eq!(both.signing.current.unwrap().expose_secret(), KEY);
    assert_eq!(both.notes, ["SECRET_KEY is not read, because JWT_SECRET is set too"]);
    let second = read(&[("JWT_SECRET", ""), ("SECRET_KEY", OTHER_KEY)]).unwrap();
    assert_eq!(second.signing.current.unwrap().expose_secret(), OTHER_KEY);
    let hours = read(&[("JWT_EXPIRATION_HOURS", "2"), ("ACCESS_TOKEN_EXPIRE_MINUTES", "5")]).unwrap();
    assert_eq!(hours.token_life, Duration::from_hours(2));
    let gemini = read(&[("GOOGLE_API_KEY", "second"), ("GEMINI_API_KEY", "first")]).unwrap();
    assert_eq!(gemini.gemini.key.unwrap().expose_secret(), "first");
}

#[test]
fn sqlite_with_redis_is_refused_and_postgres_without_it_says_that_it_is_one_process() {
    assert!(told(&[("REDIS_URL", "redis://localhost")]).contains("REDIS_URL needs PostgreSQL"));
    assert!(told(&[("REDIS_HOST", "localhost")]).contains("REDIS_HOST needs PostgreSQL"));
    let postgres = [("DATABASE_URL", "postgres://localhost/chat"), ("JWT_SECRET", KEY)];
    assert!(read(&postgres).unwrap().notes[0].contains("so run one"));
    let both = read(&[postgres.as_slice(), &[("REDIS_URL", "redis://localhost")]].concat()).unwrap();
    assert!(both.redis.is_some() && both.notes.is_empty(), "{:?}", both.notes);
}

#[test]
fn placeholders_in_providers_keys_are_refused_and_real_ones_are_not() {
    for (name, value) in [
        ("GEMINI_API_KEY", "your-gemini-api-key"),
        ("GOOGLE_API_KEY", "YOUR_API_KEY"),
        ("STRIPE_SECRET_KEY", "sk_test_..."),
        ("STRIPE_TEST_SECRET_KEY", "sk_test_your_key_here"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_xxxxxxxx"),
        ("STRIPE_PRICE_ID_PRO", "price_..."),
    ] {
        let told = told(&[(name, value)]);
        assert!(told.contains(name) && !told.contains(value), "{told}");
    }
}

#[test]
fn base_addresses_are_https_unless_they_are_this_machine() {
    for good in ["https://g.example/", "http://127.0.0.1:9000", "http://localhost:9000/v", "http://[::1]:9000"] {
        let config = read(&[("GEMINI_BASE_URL", good)]).unwrap();
        assert_eq!(config.gemini.base_url, good.trim_end_matches('/'));
    }
    for bad in ["http://g.example", "ftp://g.example", "g.example", "https://user:hunter2@g.example"] {
        for name in ["GEMINI_BASE_URL", "STRIPE_API_BASE", "TWILIO_API_BASE", "SMS_WEBHOOK_URL"] {
            let told = told(&[(name, bad)]);
            assert!(told.contains(name) && !told.contains("hunter2"), "{told}");
        }
    }
}

#[test]
fn zero_turns_a_limit_off_and_numbers_out_of_range_are_refused() {
    let config = read(&[("USER_REQUESTS_PER_MINUTE", "0"), ("CACHE_TTL_SECONDS", "0")]).unwrap();
    assert_eq!((config.limits.user_requests_per_minute, config.cache_life), (None, Duration::ZERO));
    for pair in [
        ("OTP_EXPIRATION_MINUTES", "0"),
        ("JWT_EXPIRATION_HOURS", "1e3"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "999999"),
        ("BASIC_DAILY_LIMIT", "-1"),
        ("WORKER_CONCURRENCY", "0"),
        ("PORT", "eighty"),
    ] {
        let told = told(&[pair]);
        assert!(told.contains(&format!("{} must be a whole number", pair.0)), "{told}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let told = told(&[("PORT", "x"), ("JWT_SECRET", "short"), ("REDIS_URL", "redis://h"), ("ALGORITHM", "none")]);
    assert_eq!(told.lines().count(), 5, "{told}");
}

#[test]
fn debug_shows_no_secret() {
    let secrets = [
        ("JWT_SECRET", KEY),
        ("JWT_SECRET_PREVIOUS", OTHER_KEY),
        ("DATABASE_URL", "postgres://u:canary-database@localhost/chat"),
        ("REDIS_URL", "redis://:canary-redis@localhost"),
        ("GEMINI_API_KEY", "canary-gemini"),
        ("STRIPE_SECRET_KEY", "canary-stripe"),
        ("STRIPE_WEBHOOK_SECRET", "canary-events"),
        ("TWILIO_AUTH_TOKEN", "canary-twilio"),
        ("TWILIO_API_SECRET", "canary-twilio-key"),
        ("SMS_WEBHOOK_URL", "https://sms.example/canary-address"),
        ("SMS_WEBHOOK_SECRET", "canary-webhook"),
    ];
    let config = read(&secrets).unwrap();
    let shown = format!("{config:?}{:?}", SigningKeys::load_or_make(&config).unwrap());
    for canary in ["canary", KEY, OTHER_KEY] {
        assert!(!shown.contains(canary), "{shown}");
    }
}
