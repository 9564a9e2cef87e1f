//! The files that operators bring along, and the one we hand out.

use std::collections::BTreeSet;
use std::time::Duration;

use pollux::config::{Config, ConfigFaults, Database, PaymentMode, Settings, names};
use secrecy::ExposeSecret as _;

use super::{KEY, read};

fn read_file(text: &str) -> Result<Config, ConfigFaults> {
    Config::read(&Settings::default().with_file_text(&text.replace("{KEY}", KEY)))
}

fn postgres_url(config: &Config) -> &str {
    match &config.database {
        Database::Postgres { url } => url.expose_secret(),
        Database::Sqlite { .. } => panic!("not PostgreSQL"),
    }
}

#[test]
fn the_env_file_of_system_a_is_read_unchanged() {
    let config = read_file(
        r#"
# Application
APP_NAME=Gemini Backend Clone
DEBUG=True
SECRET_KEY={KEY}
ALGORITHM=HS256
ACCESS_TOKEN_EXPIRE_MINUTES=10080

# Database
DATABASE_URL=postgresql+asyncpg://postgres:pa$word@localhost:5432/gemini_db
REDIS_URL=redis://localhost:6379/0
CELERY_BROKER_URL=${REDIS_URL}
CELERY_RESULT_BACKEND=redis://localhost:6379/1

GEMINI_API_KEY=AIzaSyA1b2C3d4E5f6G7h8I9j0KlMnOpQrStUvW
STRIPE_SECRET_KEY=sk_test_51HxQ2aB3cD4eF5
STRIPE_PUBLISHABLE_KEY=pk_test_51HxQ2aB3cD4eF5
STRIPE_WEBHOOK_SECRET=whsec_8fA2kLm9
STRIPE_PRICE_ID_PRO=price_1TExampleProMonthly01
BASIC_TIER_DAILY_LIMIT=5
CORS_ORIGINS=["http://localhost:3000","http://localhost:8080"]
"#,
    )
    .unwrap();
    assert_eq!(postgres_url(&config), "postgresql://postgres:pa$word@localhost:5432/gemini_db");
    assert_eq!(config.token_life, Duration::from_hours(168));
    assert_eq!(config.listen.cors_origins, ["http://localhost:3000", "http://localhost:8080"]);
    assert_eq!(config.payments.mode, PaymentMode::Stripe);
    let not_needed = ["APP_NAME", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "DEBUG", "STRIPE_PUBLISHABLE_KEY"];
    assert_eq!(config.not_needed, not_needed);
}

#[test]
fn the_env_file_of_system_b_is_read_unchanged() {
    let config = read_file(
        r#"
DATABASE_URL="postgresql://postgres:railway@containers.railway.example:6543/railway?sslmode=require"
REDIS_URL="redis://default:railway@containers.railway.example:7000"
JWT_SECRET="{KEY}"
JWT_ALGORITHM="HS256"
JWT_EXPIRATION_HOURS=12
GOOGLE_API_KEY="AIzaSyA1b2C3d4E5f6G7h8I9j0KlMnOpQrStUvW"
GEMINI_MODEL="models/gemini-3.5-flash-lite"
STRIPE_SECRET_KEY="sk_test_51HxQ2aB3cD4eF5"
STRIPE_WEBHOOK_SECRET="whsec_8fA2kLm9"
STRIPE_PRO_PRICE_ID="price_1TExampleProMonthly01"
FRONTEND_URL="https://front.example/"
PORT=8000
"#,
    )
    .unwrap();
    assert!(postgres_url(&config).ends_with("/railway?sslmode=require"));
    assert_eq!(config.token_life, Duration::from_hours(12));
    assert_eq!(config.gemini.model, "gemini-3.5-flash-lite");
    assert_eq!(config.payments.price_id_pro.as_deref(), Some("price_1TExampleProMonthly01"));
    assert_eq!(config.payments.success_url.as_deref(), Some("https://front.example/success"));
    assert_eq!(config.payments.cancel_url.as_deref(), Some("https://front.example/cancel"));
}

#[test]
fn the_env_file_of_system_c_is_read_unchanged() {
    let config = read_file(
        "DATABASE_URL=postgresql+psycopg2://u:p%40ss@dpg-1.render.example/chat\n\
         REDIS_URL=rediss://red-1:token@render.example:6379?ssl_cert_reqs=CERT_NONE\n\
         CELERY_TASK_ALWAYS_EAGER=False\n\
         SECRET_KEY = {KEY}   # openssl rand -hex 32\n\
         ACCESS_TOKEN_EXPIRE_MINUTES = 30\n\
         OTP_EXPIRATION_MINUTES=10\n\
         GEMINI_API_KEY=AIzaSyA1b2C3d4E5f6G7h8I9j0KlMnOpQrStUvW\n\
         STRIPE_TEST_SECRET_KEY=sk_test_51HxQ2aB3cD4eF5\n\
         STRIPE_TEST_PUBLISHABLE_KEY=pk_test_51HxQ2aB3cD4eF5\n\
         STRIPE_TEST_PRICE_ID_PRO=price_1TExampleProMonthly01\n\
         STRIPE_WEBHOOK_SECRET=whsec_8fA2kLm9\n\
         STRIPE_SUCCESS_URL=https://c.example/success?session_id={CHECKOUT_SESSION_ID}\n\
         STRIPE_CANCEL_URL=https://c.example/cancel\n",
    )
    .unwrap();
    assert_eq!(postgres_url(&config), "postgresql://u:p%40ss@dpg-1.render.example/chat");
    assert_eq!(config.token_life, Duration::from_mins(30));
    assert_eq!(config.codes.life, Duration::from_mins(10));
    assert!(config.payments.success_url.unwrap().ends_with("{CHECKOUT_SESSION_ID}"));
}

#[test]
fn the_env_file_of_system_d_is_read_unchanged() {
    let config = read_file(
        "DB_HOST=db\nDB_PORT=5432\nDB_NAME=chat\nDB_USER=postgres\nDB_PASSWORD=p@ss/word\n\
         REDIS_HOST=redis\nREDIS_PORT=6379\nREDIS_PASSWORD=\nREDIS_DB=0\nREDIS_SSL=false\n\
         JWT_SECRET={KEY}\nBASIC_DAILY_LIMIT=7\nCACHE_TTL_SECONDS=600\n\
         GEMINI_API_KEY=\nSTRIPE_SECRET_KEY=\nSTRIPE_WEBHOOK_SECRET=\n",
    )
    .unwrap();
    assert_eq!(postgres_url(&config), "postgresql://postgres:p%40ss%2Fword@db:5432/chat");
    assert_eq!(config.redis.unwrap().url.expose_secret(), "redis://redis:6379/0");
    assert_eq!(config.basic_daily_limit, 7);
    assert_eq!(config.cache_life, Duration::from_mins(10));
    assert_eq!(config.not_needed, ["REDIS_SSL"]);
    assert!(config.gemini.key.is_none());
}

#[test]
fn the_env_file_of_system_e_is_read_unchanged() {
    let config = read_file(
        "PORT=3000\nNODE_ENV=development\n\
         DATABASE_URL='postgresql://postgres:postgres@localhost:5432/gemini?schema=public'\n\
         REDIS_HOST=127.0.0.1\nREDIS_PORT=6379\n\
         JWT_SECRET={KEY}\n\
         GEMINI_API_KEY=AIzaSyA1b2C3d4E5f6G7h8I9j0KlMnOpQrStUvW\n\
         STRIPE_SECRET_KEY=sk_test_51HxQ2aB3cD4eF5\n",
    )
    .unwrap();
    assert_eq!(postgres_url(&config), "postgresql://postgres:postgres@localhost:5432/gemini");
    assert_eq!(config.listen.address.port(), 3000);
    assert!(config.notes.iter().any(|note| note.starts_with("NODE_ENV in .env is not a setting")));
}

const EXAMPLE: &str = include_str!("../../../.env.example");

fn example_lines() -> Vec<(&'static str, &'static str)> {
    let settings = EXAMPLE.lines().filter_map(|line| line.strip_prefix('#')?.split_once('='));
    settings.filter(|(name, _)| !name.contains(' ') && !name.is_empty()).collect()
}

#[test]
fn the_example_file_holds_every_name_once_and_no_other() {
    let lines: Vec<_> = example_lines().into_iter().map(|(name, _)| name).collect();
    let in_example: BTreeSet<_> = lines.iter().copied().collect();
    assert_eq!(lines.len(), in_example.len());
    let (not_needed, read): (BTreeSet<_>, BTreeSet<_>) =
        in_example.into_iter().partition(|name| names::is_not_needed(name));
    let known: BTreeSet<_> = names::ALL.iter().flat_map(|setting| setting.0.iter().copied()).collect();
    assert_eq!(read, known);
    assert!(names::NOT_NEEDED.iter().all(|name| not_needed.contains(name)));
    assert!(not_needed.iter().any(|name| name.starts_with(names::NOT_NEEDED_PREFIX)));
}

#[test]
fn the_example_file_as_it_stands_sets_nothing() {
    assert!(read_file(EXAMPLE).unwrap().notes.is_empty());
}

#[test]
fn the_example_file_with_every_line_in_force_is_refused_for_its_placeholders_alone() {
    let in_force: Vec<_> = example_lines().iter().map(|(name, value)| format!("{name}={value}")).collect();
    let in_force = in_force.join("\n");
    let refused = read_file(&in_force).unwrap_err();
    let placeholders =
        ["JWT_SECRET", "GEMINI_API_KEY", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_PRICE_ID_PRO"];
    assert_eq!(refused.0.len(), placeholders.len(), "{refused}");
    for (fault, name) in refused.0.iter().zip(placeholders) {
        assert!(fault.starts_with(name) && fault.contains("placeholder"), "{fault}");
    }
    let real = [("JWT_SECRET", KEY), ("GEMINI_API_KEY", "g"), ("STRIPE_SECRET_KEY", "s")];
    let real = [real.as_slice(), &[("STRIPE_WEBHOOK_SECRET", "w"), ("STRIPE_PRICE_ID_PRO", "p")]].concat();
    let filled = Config::read(&Settings::from_pairs(real).with_file_text(&in_force));
    assert!(filled.is_ok(), "{:?}", filled.err());
}

#[test]
fn the_defaults_in_the_example_file_are_the_defaults() {
    let plain = format!("{:?}", read(&[]).unwrap());
    for name in ["HOST", "PORT", "METRICS_HOST", "METRICS_PORT", "DATA_DIR", "JWT_ALGORITHM", "JWT_EXPIRATION_HOURS"]
        .into_iter()
        .chain(["ACCESS_TOKEN_EXPIRE_MINUTES", "OTP_EXPIRATION_MINUTES", "TWILIO_API_BASE", "GEMINI_MODEL"])
        .chain(["GEMINI_MODEL_PRO", "GEMINI_BASE_URL", "WORKER_CONCURRENCY", "STRIPE_API_BASE", "CODE_DELIVERY"])
        .chain(["BASIC_TIER_DAILY_LIMIT", "OTP_SENDS_PER_ADDRESS_HOUR", "OTP_CHECKS_PER_ADDRESS_5MIN"])
        .chain(["USER_REQUESTS_PER_MINUTE", "USER_SENDS_PER_MINUTE", "CONNECTIONS_PER_ADDRESS", "CACHE_TTL_SECONDS"])
    {
        let (_, value) = example_lines().into_iter().find(|(line, _)| *line == name).unwrap();
        assert_eq!(format!("{:?}", read(&[(name, value)]).unwrap()), plain, "{name}");
    }
}
