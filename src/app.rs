//! The tray that every request and job carries; built once from the settings.

use std::num::NonZeroU32;
use std::sync::Arc;

use secrecy::ExposeSecret;

use crate::config::{Config, SigningKeys};
use crate::domain::keys::Keys;
use crate::domain::time::Clock;
use crate::domain::token::TokenRing;
use crate::live::breaker::Breaker;
use crate::live::bus::Bus;
use crate::live::cache::Cache;
use crate::live::in_flight::InFlight;
use crate::live::limiter::{Limiter, Rates};
use crate::live::metrics::Metrics;
use crate::providers::model::Model;
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
    /// Idempotency keys being executed.
    pub in_flight: InFlight,
    /// Limits by address and user.
    pub limiter: Limiter,
    /// Counters.
    pub metrics: Metrics,
    /// Who answers.
    pub model: Arc<dyn Model>,
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(config: Config, signing: &SigningKeys, clock: Clock, db: Db, model: Arc<dyn Model>) -> Self {
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
            bus: Bus::default(),
            cache: Cache::new(config.cache_life),
            in_flight: InFlight::default(),
            limiter: Limiter::new(rates),
            metrics: Metrics::default(),
            config,
            clock,
            db,
            model,
        }))
    }
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
