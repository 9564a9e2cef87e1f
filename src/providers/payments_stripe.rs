//! Stripe behind the [`Payments`] trait: a small typed client that pins the version of the interface, sends an
//! idempotency key with every change, and reads no more of an answer than we use.

mod call;
pub mod event;
mod fault;
mod objects;
mod operations;
pub mod signature;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

pub use self::objects::read_subscription;
use super::outbound;
use super::payments::{Answer, Checkout, End, Event, EventQuery, NewCheckout, NewCustomer, Payments, Price};
use crate::domain::subscription::SubscriptionView;
use crate::error::{Error, Result};

/// The version of the interface that every call names.
pub const API_VERSION: &str = "2026-10-28.endive";

/// How Stripe is reached, and how patient we are with it.
#[derive(Clone, Debug)]
pub struct StripeSettings {
    /// Where it is, so that a stand-in can take its place; without a trailing slash.
    pub base_url: String,
    /// The key; it travels in a header and is shown nowhere.
    pub secret_key: SecretString,
    /// The longest wait for a connection.
    pub connect: Duration,
    /// The longest a call may take, all its repeats together.
    pub total: Duration,
    /// The first pause before a repeat; the second is twice as long.
    pub backoff: Duration,
}

impl StripeSettings {
    /// The settings of the real service.
    #[must_use]
    pub fn new(secret_key: SecretString) -> Self {
        Self {
            base_url: "https://api.stripe.com".to_owned(),
            secret_key,
            connect: Duration::from_secs(3),
            total: Duration::from_secs(10),
            backoff: Duration::from_millis(500),
        }
    }
}

/// The real service, or a stand-in at another address.
#[derive(Clone)]
pub struct Stripe(Arc<Inner>);

struct Inner {
    settings: StripeSettings,
    client: reqwest::Client,
    bearer: HeaderValue,
}

impl Stripe {
    /// Prepares the client; nothing is called yet. Refuses an address or a key that could never be sent.
    pub fn new(settings: StripeSettings) -> Result<Self> {
        let base = Url::parse(&settings.base_url).map_err(Error::internal)?;
        if !matches!(base.scheme(), "http" | "https") || base.query().is_some() || base.fragment().is_some() {
            return Err(Error::internal("the address of Stripe is not a plain http or https address"));
        }
        let bearer = bearer(&settings.secret_key)?;
        let client = outbound::client(settings.connect)?;
        Ok(Self(Arc::new(Inner { settings, client, bearer })))
    }
}

fn bearer(key: &SecretString) -> Result<HeaderValue> {
    let key = key.expose_secret();
    if key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::internal("the key of Stripe is empty or has characters that no header can carry"));
    }
    let mut bearer = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| Error::internal("no header"))?;
    bearer.set_sensitive(true);
    Ok(bearer)
}

impl fmt::Debug for Stripe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stripe").field("base_url", &self.0.settings.base_url).finish_non_exhaustive()
    }
}

impl Payments for Stripe {
    fn make_customer<'a>(&'a self, wanted: &'a NewCustomer) -> Answer<'a, String> {
        Box::pin(operations::make_customer(&self.0, wanted))
    }

    fn open_checkout<'a>(&'a self, wanted: &'a NewCheckout) -> Answer<'a, Checkout> {
        Box::pin(operations::open_checkout(&self.0, wanted))
    }

    fn checkout<'a>(&'a self, id: &'a str) -> Answer<'a, Checkout> {
        Box::pin(operations::checkout(&self.0, id))
    }

    fn expire_checkout<'a>(&'a self, id: &'a str) -> Answer<'a, Checkout> {
        Box::pin(operations::expire_checkout(&self.0, id))
    }

    fn open_portal<'a>(&'a self, customer_id: &'a str, return_url: &'a str) -> Answer<'a, String> {
        Box::pin(operations::open_portal(&self.0, customer_id, return_url))
    }

    fn subscriptions<'a>(&'a self, customer_id: &'a str) -> Answer<'a, Vec<SubscriptionView>> {
        Box::pin(operations::subscriptions(&self.0, customer_id))
    }

    fn set_end<'a>(&'a self, subscription_id: &'a str, end: End) -> Answer<'a, SubscriptionView> {
        Box::pin(operations::set_end(&self.0, subscription_id, end))
    }

    fn price<'a>(&'a self, price_id: &'a str) -> Answer<'a, Price> {
        Box::pin(operations::price(&self.0, price_id))
    }

    fn customer_of_charge<'a>(&'a self, charge_id: &'a str) -> Answer<'a, Option<String>> {
        Box::pin(operations::customer_of_charge(&self.0, charge_id))
    }

    fn events<'a>(&'a self, query: &'a EventQuery) -> Answer<'a, Vec<Event>> {
        Box::pin(operations::events(&self.0, query))
    }
}
