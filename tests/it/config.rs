//! The settings, as operators write them.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use pollux::config::{
    CodeDelivery, Config, ConfigFaults, Database, PartState, PaymentMode, Settings, SigningKeys, names,
};
use secrecy::ExposeSecret as _;

const KEY: &str = "3f9c1b7a5d2e8064c7f1a9b35e0d6482b1c8e7f60a93d54278be1f06c9a7d352";
const OTHER_KEY: &str = "c27d90f1b86a43e5d0f9721c6eb84a35f7069d1e2c5b8a0493e6d7f1ab52c840";

fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigFaults> {
    Config::read(&Settings::from_pairs(pairs.iter().copied()))
}

fn read_file(text: &str) -> Result<Config, ConfigFaults> {
    Config::read(&Settings::default().with_file_text(&text.replace("{KEY}", KEY)))
}

fn told(pairs: &[(&str, &str)]) -> String {
    read(pairs).expect_err("these settings should be refused").to_string()
}

fn postgres_url(config: &Config) -> &str {
    match &config.database {
        Database::Postgres { url } => url.expose_secret(),
        Database::Sqlite { .. } => panic!("not PostgreSQL"),
    }
}

#[test]
fn nothing_set_is_a_whole_service_on_this_machine() {
    let config = read(&[]).unwrap();
    assert_eq!(config.listen.address.to_string(), "127.0.0.1:8000");
    assert!(matches!(&config.database, Database::Sqlite { file } if file.ends_with("data/pollux.db")));
    assert_eq!(config.codes.delivery, CodeDelivery::Echo);
    assert_eq!(config.codes.life, Duration::from_secs(300));
    assert_eq!(config.token_life, Duration::from_secs(86_400));
    assert_eq!(config.payments.mode, PaymentMode::Demo);
    assert_eq!((config.basic_daily_limit, config.worker_concurrency), (5, 64));
    assert_eq!(config.limits.user_requests_per_minute.map(u32::from), Some(120));
    assert_eq!((config.notes.as_slice(), config.not_needed.as_slice()), (&[][..], &[][..]));
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
    assert_eq!(config.token_life, Duration::from_secs(7 * 86_400));
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
    assert_eq!(config.token_life, Duration::from_secs(12 * 3_600));
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
    assert_eq!(config.token_life, Duration::from_secs(1_800));
    assert_eq!(config.codes.life, Duration::from_secs(600));
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
    assert_eq!(config.redis.unwrap().expose_secret(), "redis://redis:6379/0");
    assert_eq!(config.basic_daily_limit, 7);
    assert_eq!(config.cache_life, Duration::from_secs(600));
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
    assert_eq!(hours.token_life, Duration::from_secs(7_200));
    let gemini = read(&[("GOOGLE_API_KEY", "second"), ("GEMINI_API_KEY", "first")]).unwrap();
    assert_eq!(gemini.gemini.key.unwrap().expose_secret(), "first");
}

const WEAK_KEYS: &[&str] = &[
    "secret",
    "changeme",
    "31-bytes-of-anything-Qx7Lp2vRk9",
    "your-secret-key-here-change-in-production",
    "your-secret-key-here-change-in-production-minimum-32-characters",
    "your-super-secret-jwt-key-change-this-in-production",
    "your_jwt_secret_key_here_please_change_it_now",
    "changeme-changeme-changeme-changeme-changeme",
    "change-me-to-the-output-of-openssl-rand-hex-32",
    "CHANGE_THIS_TO_A_LONG_RANDOM_STRING_IN_PRODUCTION",
    "super-secret-jwt-token-with-at-least-32-characters-long",
    "a-string-secret-at-least-256-bits-long",
    "MySuperSecretKeyThatIsAtLeast32CharactersLong!",
    "thisisaverylongsecretkeyforjwttokens1234567890",
    "replace-this-with-a-secure-random-secret-key-123",
    "django-insecure-9k2v8x1z4q7w3e6r5t0y2u8i1o4p7a3s6d",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "db3OIsj+BXE9NZDy0t8W3TcNekrF+2d/1sFnWG4HnV8TZY30iTOdtVWJG8abWvB1GlOgJuQZdcF2Luqm/hccMw==",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "abababababababababababababababababababab",
    "1234567890123456789012345678901234567890",
    "0123456789abcdef0123456789abcdef0123456789abcdef",
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6",
    "qwertyuiopasdfghjklzxcvbnmqwertyuiop",
    "passwordpasswordpasswordpasswordpassword",
    "P@ssw0rd-P@ssw0rd-P@ssw0rd-P@ssw0rd!",
    "d3v-s3cr3t-k3y-d0-n0t-us3-1n-pr0duct10n",
    "deadbeefdeadbeefdeadbeefdeadbeefcafebabe",
    "correct-horse-battery-staple-correct-horse",
    "hunter2hunter2hunter2hunter2hunter2hunter2",
    "x7Kq9x7Kq9x7Kq9x7Kq9x7Kq9x7Kq9x7Kq9x7Kq9",
    "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
    "gemini-backend-clone-jwt-secret-key-2024",
];

#[test]
fn weak_signing_keys_are_refused_by_name_and_never_shown() {
    assert!(WEAK_KEYS.len() >= 25);
    for key in WEAK_KEYS {
        for name in ["JWT_SECRET", "SECRET_KEY", "JWT_SECRET_PREVIOUS"] {
            let told = told(&[(name, key)]);
            assert!(told.contains(name) && told.contains("openssl rand -hex 32"), "{key}: {told}");
            assert!(!told.contains(key) || *key == "secret", "{told}");
        }
    }
}

#[test]
fn with_postgres_the_signing_key_must_be_set() {
    assert!(told(&[("DATABASE_URL", "postgres://localhost/chat")]).contains("JWT_SECRET must be set"));
    assert!(told(&[("DB_HOST", "localhost")]).contains("JWT_SECRET must be set"));
    assert!(read(&[("DATABASE_URL", "sqlite://a.db")]).is_ok());
}

#[test]
fn two_keys_rotate_and_other_algorithms_are_refused() {
    let config = read(&[("JWT_SECRET", KEY), ("JWT_SECRET_PREVIOUS", OTHER_KEY)]).unwrap();
    let keys = SigningKeys::load_or_make(&config).unwrap();
    assert_eq!(keys.current.expose_secret(), KEY);
    assert_eq!(keys.previous.unwrap().expose_secret(), OTHER_KEY);
    assert!(told(&[("JWT_SECRET", KEY), ("JWT_SECRET_PREVIOUS", KEY)]).contains("JWT_SECRET_PREVIOUS"));
    for algorithm in ["none", "RS256", "HS512"] {
        assert!(told(&[("ALGORITHM", algorithm)]).contains("ALGORITHM must be HS256"));
    }
}

fn config_in(dir: &std::path::Path) -> Config {
    read(&[("DATA_DIR", dir.to_str().unwrap())]).unwrap()
}

#[test]
fn a_fresh_key_is_private_and_stays_and_differs_from_every_other() {
    let home = tempfile::tempdir().unwrap();
    let (one, two) = (config_in(&home.path().join("one/data")), config_in(&home.path().join("two")));
    let first = SigningKeys::load_or_make(&one).unwrap();
    let again = SigningKeys::load_or_make(&one).unwrap();
    let other = SigningKeys::load_or_make(&two).unwrap();
    assert_eq!(first.current.expose_secret(), again.current.expose_secret());
    assert_ne!(first.current.expose_secret(), other.current.expose_secret());
    assert_eq!(first.current.expose_secret().len(), 43);
    let mode = std::fs::metadata(one.data_dir.join("signing.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(&one.data_dir).unwrap().count(), 1);
}

#[test]
fn processes_that_start_at_once_use_the_same_key() {
    let home = tempfile::tempdir().unwrap();
    let config = config_in(home.path());
    let keys: BTreeSet<String> = std::thread::scope(|scope| {
        let make = || SigningKeys::load_or_make(&config).unwrap().current.expose_secret().to_owned();
        let racers: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert_eq!(keys.len(), 1);
}

#[test]
fn a_key_file_that_others_can_read_or_that_is_weak_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let config = config_in(home.path());
    let key = SigningKeys::load_or_make(&config).unwrap().current;
    let file = home.path().join("signing.key");
    for mode in [0o640, 0o604, 0o660] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let told = SigningKeys::load_or_make(&config).unwrap_err().to_string();
        assert!(told.contains("chmod 600") && !told.contains(key.expose_secret()), "{told}");
    }
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&file, "").unwrap();
    assert!(SigningKeys::load_or_make(&config).unwrap_err().to_string().contains("delete it"));
}

#[test]
fn demo_parts_are_refused_off_loopback_unless_they_are_named() {
    for host in ["0.0.0.0", "::", "192.168.1.5"] {
        let demo = [("HOST", host), ("CODE_DELIVERY", "echo"), ("PAYMENTS", "demo")];
        let refused = read(&demo).unwrap_err();
        assert_eq!(refused.0.len(), 3, "{refused}");
        for words in ["echo to ALLOW_DEMO", "model to ALLOW_DEMO", "payments to ALLOW_DEMO"] {
            assert!(refused.to_string().contains(words), "{refused}");
        }
        let allowed = [demo.as_slice(), &[("ALLOW_DEMO", "echo, model,payments")]].concat();
        assert!(read(&allowed).is_ok());
    }
    for host in ["127.0.0.1", "127.9.9.9", "::1", "localhost", "::ffff:127.0.0.1"] {
        assert!(read(&[("HOST", host)]).is_ok(), "{host}");
    }
    assert!(told(&[("ALLOW_DEMO", "everything")]).contains("ALLOW_DEMO"));
}

#[test]
fn off_loopback_code_delivery_must_be_set_and_the_log_counts_as_a_demo() {
    let base = [("HOST", "0.0.0.0"), ("GEMINI_API_KEY", "AIzaSyA1b2C3d4E5f6G7h8I9j0")];
    let unset = read(&base).unwrap_err();
    assert_eq!(unset.0, ["CODE_DELIVERY must be set where HOST is not a loopback address"]);
    let log = [base.as_slice(), &[("CODE_DELIVERY", "log")]].concat();
    assert!(told(&log).contains("CODE_DELIVERY=log is for development"));
    let config = read(&[log.as_slice(), &[("ALLOW_DEMO", "echo")]].concat()).unwrap();
    assert_eq!(config.payments.mode, PaymentMode::Off);
}

#[test]
fn ways_of_delivery_that_are_not_built_yet_are_refused() {
    for way in ["twilio", "twilio_verify", "webhook"] {
        assert!(told(&[("CODE_DELIVERY", way)]).contains("cannot deliver codes by yet"));
    }
    assert!(told(&[("CODE_DELIVERY", "pigeon")]).contains("must be one of"));
}

#[test]
fn a_live_stripe_key_and_demo_parts_exclude_each_other() {
    let live = ("STRIPE_SECRET_KEY", "sk_live_51HxQ2aB3cD4eF5");
    let refused = read(&[live, ("PAYMENTS", "demo"), ("ALLOW_DEMO", "payments,echo,model")]).unwrap_err();
    assert_eq!(refused.0, ["PAYMENTS=demo refuses a live Stripe key: leave the key empty, or set PAYMENTS=stripe"]);
    let refused = read(&[live]).unwrap_err();
    assert!(refused.0.iter().all(|fault| fault.contains("the Stripe key is a live one")), "{refused}");
    assert_eq!(refused.0.len(), 2);
}

#[test]
fn sqlite_with_redis_is_refused_and_postgres_says_that_it_is_one_process() {
    assert!(told(&[("REDIS_URL", "redis://localhost")]).contains("REDIS_URL needs PostgreSQL"));
    assert!(told(&[("REDIS_HOST", "localhost")]).contains("REDIS_HOST needs PostgreSQL"));
    let postgres = [("DATABASE_URL", "postgres://localhost/chat"), ("JWT_SECRET", KEY)];
    assert!(read(&postgres).unwrap().notes[0].contains("so run one"));
    let both = read(&[postgres.as_slice(), &[("REDIS_URL", "redis://localhost")]].concat()).unwrap();
    assert!(both.redis.is_some() && both.notes[0].contains("so run one"));
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

#[test]
fn the_banner_says_which_parts_are_real() {
    let demo = read(&[]).unwrap().parts();
    let states: Vec<_> = demo.iter().map(|part| (part.name, part.state)).collect();
    let expected = [
        ("replies", PartState::Demo),
        ("codes", PartState::Demo),
        ("payments", PartState::Off),
        ("data", PartState::Real),
    ];
    assert_eq!(states, expected);
    assert_eq!(demo[0].to_string(), "replies: a demo model answers; set GEMINI_API_KEY for Gemini");
    let real = read(&[("GEMINI_API_KEY", "AIzaSyA1b2C3d4E5f6G7h8I9j0")]).unwrap().parts();
    assert_eq!(real[0].state, PartState::Real);
}

#[test]
fn echo_behind_a_public_address_is_pointed_out() {
    let config = read(&[("PUBLIC_URL", "https://chat.example.com")]).unwrap();
    assert!(config.notes.iter().any(|note| note.contains("anybody can sign in as anybody")), "{:?}", config.notes);
    assert!(read(&[("PUBLIC_URL", "http://localhost:8000")]).unwrap().notes.is_empty());
}

const EXAMPLE: &str = include_str!("../../.env.example");

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
    let in_force: String = example_lines().iter().map(|(name, value)| format!("{name}={value}\n")).collect();
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
