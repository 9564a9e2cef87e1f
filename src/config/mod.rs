//! Every setting, read once from names and values, checked as a whole, and typed. Nothing is touched but what is
//! handed in; making the signing key is a step of its own, [`SigningKeys::load_or_make`].

mod code_senders;
mod codes;
mod database;
mod dotenv;
mod faults;
mod gemini;
mod keys;
mod limits;
mod listen;
pub mod names;
mod net;
mod parts;
mod payments;
mod reader;
mod redis;
mod settings;
mod weak;

use std::path::PathBuf;
use std::time::Duration;

pub use codes::{CodeDelivery, Codes, SmsWebhook, Twilio};
pub use database::Database;
pub use faults::ConfigFaults;
pub use gemini::Gemini;
pub use keys::{GivenKeys, KeyPlace, SigningKeys};
pub use limits::Limits;
pub use listen::Listen;
pub use net::{Cidr, host_name};
pub use parts::{AllowDemo, Part, PartState};
pub use payments::{PaymentMode, Payments};
pub use redis::Redis;
pub use settings::Settings;

use reader::Reader;

/// All that an operator decides. Debug shows no secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// Addresses and names.
    pub listen: Listen,
    /// Where the `SQLite` file and the signing key are.
    pub data_dir: PathBuf,
    /// The durable truth.
    pub database: Database,
    /// What processes share, if there are several.
    pub redis: Option<Redis>,
    /// Signing keys as given; [`SigningKeys::load_or_make`] makes the missing one.
    pub signing: GivenKeys,
    /// How long an access token lives; it ends with its session all the same.
    pub token_life: Duration,
    /// How long after its use a refresh token may come once more, because its answer was lost.
    pub refresh_grace: Duration,
    /// One-time codes.
    pub codes: Codes,
    /// The model.
    pub gemini: Gemini,
    /// Payments.
    pub payments: Payments,
    /// Messages a day on the Basic plan.
    pub basic_daily_limit: u32,
    /// How long a cached list may be used; zero turns the cache off.
    pub cache_life: Duration,
    /// Limits by address and user.
    pub limits: Limits,
    /// Calls to the model at once in this process.
    pub worker_concurrency: usize,
    /// Demo parts that may be reached from elsewhere.
    pub allow_demo: AllowDemo,
    /// What the operator should know, a sentence each; for the log, once.
    pub notes: Vec<String>,
    /// Names that are set and decide nothing here; for the log, once.
    pub not_needed: Vec<String>,
}

impl Config {
    /// Reads and checks everything; what is wrong is told all at once.
    pub fn read(settings: &Settings) -> Result<Self, ConfigFaults> {
        let mut reader = Reader::new(settings);
        let config = Self::gather(&mut reader);
        database::check_profile(&mut reader, &config.database, config.redis.as_ref());
        parts::refuse_exposed_demos(&config, &mut reader);
        parts::note_proxied_echo(&config, &mut reader);
        let not_needed = reader.not_needed();
        Ok(Self { notes: reader.finish()?, not_needed, ..config })
    }

    fn gather(reader: &mut Reader<'_>) -> Self {
        let listen = listen::read(reader);
        let on_loopback = listen.is_loopback();
        let data_dir = reader.text(names::DATA_DIR).map_or_else(|| PathBuf::from("./data"), PathBuf::from);
        let database = database::read(reader, &data_dir);
        Self {
            redis: redis::read(reader),
            signing: keys::read(reader, &database),
            token_life: token_life(reader),
            refresh_grace: Duration::from_secs(reader.number(names::REFRESH_GRACE_SECONDS, 0..=30, 10).into()),
            codes: codes::read(reader, on_loopback),
            gemini: gemini::read(reader),
            payments: payments::read(reader, on_loopback),
            basic_daily_limit: reader.number(names::BASIC_TIER_DAILY_LIMIT, 1..=1_000_000, 5),
            cache_life: Duration::from_secs(reader.number(names::CACHE_TTL_SECONDS, 0..=86_400, 300).into()),
            limits: limits::read(reader),
            worker_concurrency: reader.number(names::WORKER_CONCURRENCY, 1..=1_024, 64) as usize,
            allow_demo: parts::read_allowed(reader),
            notes: Vec::new(),
            not_needed: Vec::new(),
            listen,
            data_dir,
            database,
        }
    }
}

/// Hours under one name, minutes under the other; at most the 90 days that a session can last.
fn token_life(reader: &mut Reader<'_>) -> Duration {
    const MINUTE_S: u64 = 60;
    const MOST_HOURS: u32 = 90 * 24;
    let default = Duration::from_secs(24 * 60 * MINUTE_S);
    let Some(found) = reader.first(names::JWT_EXPIRATION_HOURS) else { return default };
    let minutes = if found.name == names::JWT_EXPIRATION_HOURS.name() {
        reader.parse(found, 1..=MOST_HOURS).map(|hours| hours * 60)
    } else {
        reader.parse(found, 1..=MOST_HOURS * 60)
    };
    minutes.map_or(default, |minutes| Duration::from_secs(u64::from(minutes) * MINUTE_S))
}
