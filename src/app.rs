//! The tray that every request and job carries; built once from the settings.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::config::{Config, SigningKeys};
use crate::domain::ids::UserId;
use crate::domain::keys::Keys;
use crate::domain::subscription::Offer;
use crate::domain::time::Clock;
use crate::domain::token::TokenRing;
use crate::live::breaker::Breaker;
use crate::live::bus::Bus;
use crate::live::cache::Cache;
use crate::live::hasher::Hasher;
use crate::live::in_flight::InFlight;
use crate::live::limiter::{Limiter, Rates};
use crate::live::metrics::{DatabaseCounts, Metrics, Pool};
use crate::live::note::Note;
use crate::live::redis::Reach;
use crate::live::rooms::Rooms;
use crate::live::streams::Streams;
use crate::providers::model::Model;
use crate::providers::otp_sender::OtpSender;
use crate::providers::payments::Payments;
use crate::storage::Db;

/// Rooms a user may make in an hour, unless requests of users are not limited at all.
const ROOMS_PER_HOUR: u32 = 60;

/// A handle to the parts; cloning it is cheap.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What is on the tray.
pub struct Parts {
    /// The settings.
    pub config: Config,
    /// The present.
    pub clock: Clock,
    /// Durable truth.
    pub db: Db,
    /// Whether live state is shared with other processes.
    pub reach: Reach,
    /// Access tokens.
    pub tokens: TokenRing,
    /// Digest keys.
    pub keys: Keys,
    /// Whether the model may be called.
    pub breaker: Breaker,
    /// Wake-ups.
    pub bus: Bus,
    /// Spared reads.
    pub cache: Cache,
    /// Hashing of passwords, a few at a time.
    pub hasher: Hasher,
    /// Idempotency keys being executed.
    pub in_flight: InFlight,
    /// Limits by address and user.
    pub limiter: Limiter,
    /// Counters.
    pub metrics: Metrics,
    /// What happens in rooms, for those who watch.
    pub rooms: Rooms,
    /// Who watches.
    pub streams: Streams,
    /// Who answers.
    pub model: Arc<dyn Model>,
    /// How the Pro plan is sold; none where it is not for sale.
    pub billing: Option<Billing>,
    /// Who carries texts, where codes go to phones.
    pub sender: Option<Arc<dyn OtpSender>>,
}

/// Who takes payments, and what is sold: from the settings alone, never from a request.
pub struct Billing {
    /// Who takes them.
    pub payments: Arc<dyn Payments>,
    /// What its events are signed with; several while one is being rolled.
    pub webhook_secrets: Vec<SecretString>,
    /// The price that stands for Pro.
    pub price_id: String,
    /// True when real money moves.
    pub livemode: bool,
    /// How long an unpaid period stays Pro; nothing is: until the provider gives up.
    pub grace: Option<Duration>,
    /// Where a paid checkout returns to.
    pub success_url: String,
    /// Where an abandoned checkout returns to.
    pub cancel_url: String,
    /// Where the portal returns to.
    pub return_url: String,
}

impl Billing {
    /// What counts as the Pro plan.
    #[must_use]
    pub fn offer(&self) -> Offer<'_> {
        Offer { price_id: &self.price_id, livemode: self.livemode, grace: self.grace }
    }
}

/// The parts that talk to other people's services.
pub struct Outside {
    /// Who answers.
    pub model: Arc<dyn Model>,
    /// How the Pro plan is sold, if it is.
    pub billing: Option<Billing>,
    /// Who carries texts, where codes go to phones.
    pub sender: Option<Arc<dyn OtpSender>>,
    /// Whether live state is shared with other processes.
    pub reach: Reach,
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(config: Config, signing: &SigningKeys, clock: Clock, db: Db, outside: Outside) -> Self {
        let current = signing.current.expose_secret().as_bytes();
        let previous = signing.previous.as_ref().map(|secret| secret.expose_secret().as_bytes());
        let rates = Rates {
            otp_checks: config.limits.otp_checks_per_address_5min,
            requests: config.limits.user_requests_per_minute,
            sends: config.limits.user_sends_per_minute,
            rooms: config.limits.user_requests_per_minute.and(NonZeroU32::new(ROOMS_PER_HOUR)),
        };
        Self(Arc::new(Parts {
            tokens: TokenRing::new(current, previous, config.token_life),
            keys: Keys::derive(current),
            breaker: Breaker::default(),
            bus: Bus::new(outside.reach.clone()),
            cache: Cache::new(config.cache_life, outside.reach.clone()),
            hasher: Hasher::default(),
            in_flight: InFlight::default(),
            limiter: Limiter::new(rates, outside.reach.clone()),
            metrics: Metrics::new(clock.now(), &database_counts(&db)),
            rooms: Rooms::new(outside.reach.clone()),
            streams: Streams::default(),
            config,
            clock,
            db,
            model: outside.model,
            billing: outside.billing,
            sender: outside.sender,
            reach: outside.reach,
        }))
    }
}

impl App {
    /// The counters as Prometheus reads them, with how the database's connections stand at this moment.
    #[must_use]
    pub fn metrics_text(&self) -> String {
        if let Some((used, idle, waiting)) = self.db.pool() {
            self.metrics.pool(Pool { used, idle, waiting });
        }
        self.metrics.text()
    }

    /// To be said after sessions of a user, or of somebody, were ended or changed: what is kept of them is forgotten, and
    /// open streams look whether they may go on, here and in the other processes.
    pub fn sessions_changed(&self, user: Option<UserId>) {
        self.cache.forget_sessions();
        self.streams.look_again(user);
        self.reach.tell(Note::Sessions(user));
    }

    /// Forgets what is kept of a user whose account is closed.
    pub async fn forget_user(&self, user: UserId) {
        self.cache.forget_rooms(user).await;
        self.limiter.forget_user(user);
    }
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The first floor's rooms do not know each other, so what the one counts is handed to the other here.
fn database_counts(db: &Db) -> DatabaseCounts {
    let counts = db.counts();
    DatabaseCounts {
        statements: counts.statements,
        waiting: counts.waiting,
        batch: counts.batch,
        commit_seconds: counts.commit_seconds,
    }
}
