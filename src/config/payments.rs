//! How the Pro plan is paid for.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::names::{self, Setting};
use super::reader::Reader;

/// Settings of payments.
#[derive(Clone, Debug)]
pub struct Payments {
    /// Who takes them.
    pub mode: PaymentMode,
    /// The secret key of the account at Stripe.
    pub secret_key: Option<SecretString>,
    /// What Stripe signs its events with.
    pub webhook_secret: Option<SecretString>,
    /// The price of the Pro plan (`price_...`).
    pub price_id_pro: Option<String>,
    /// Where a paid checkout returns to, as written; `None` is our own page.
    pub success_url: Option<String>,
    /// Where an abandoned checkout returns to, as written; `None` is our own page.
    pub cancel_url: Option<String>,
    /// Where the portal returns to; `None` is our own front page.
    pub return_url: Option<String>,
    /// How long an unpaid period stays Pro; `None` is until Stripe gives up.
    pub grace: Option<Duration>,
    /// Where calls go, without a trailing slash.
    pub api_base: String,
}

/// Who takes payments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentMode {
    /// Stripe.
    Stripe,
    /// A checkout page of ours that takes no money: for trying out.
    Demo,
    /// Nobody: the plan is not for sale.
    Off,
}

const MODES: &[(&str, PaymentMode)] =
    &[("stripe", PaymentMode::Stripe), ("demo", PaymentMode::Demo), ("off", PaymentMode::Off)];

impl Payments {
    /// True when Stripe can be asked, believed, and has something to sell.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.secret_key.is_some() && self.webhook_secret.is_some() && self.price_id_pro.is_some()
    }

    /// True when the key moves real money.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.secret_key.as_ref().is_some_and(|key| {
            let key = key.expose_secret();
            key.starts_with("sk_live_") || key.starts_with("rk_live_")
        })
    }
}

pub(super) fn read(reader: &mut Reader<'_>, on_loopback: bool) -> Payments {
    let payments = Payments {
        mode: PaymentMode::Off,
        secret_key: reader.provider_key(names::STRIPE_SECRET_KEY),
        webhook_secret: reader.provider_key(names::STRIPE_WEBHOOK_SECRET),
        price_id_pro: reader.provider_key(names::STRIPE_PRICE_ID_PRO).map(|id| id.expose_secret().to_owned()),
        success_url: return_url(reader, names::STRIPE_SUCCESS_URL, "success"),
        cancel_url: return_url(reader, names::STRIPE_CANCEL_URL, "cancel"),
        return_url: reader.page_url(names::FRONTEND_URL),
        grace: grace(reader),
        api_base: reader.base_url(names::STRIPE_API_BASE, "https://api.stripe.com"),
    };
    let mode = reader.choice(names::PAYMENTS, MODES).unwrap_or(match (&payments.secret_key, on_loopback) {
        (Some(_), _) => PaymentMode::Stripe,
        (None, true) => PaymentMode::Demo,
        (None, false) => PaymentMode::Off,
    });
    let payments = Payments { mode, ..payments };
    check(reader, &payments);
    payments
}

fn check(reader: &mut Reader<'_>, payments: &Payments) {
    let has_key = payments.secret_key.is_some();
    if payments.mode == PaymentMode::Stripe && !has_key {
        reader.fault("STRIPE_SECRET_KEY must be set with PAYMENTS=stripe; PAYMENTS=off does without");
    }
    if payments.mode == PaymentMode::Demo && payments.is_live() {
        reader.fault("PAYMENTS=demo refuses a live Stripe key: leave the key empty, or set PAYMENTS=stripe");
    }
    if payments.mode == PaymentMode::Stripe && has_key {
        if payments.webhook_secret.is_none() {
            reader.note(
                "STRIPE_WEBHOOK_SECRET is empty: Stripe's events can't be accepted, so the Pro plan is not for sale",
            );
        }
        if payments.price_id_pro.is_none() {
            reader
                .note("STRIPE_PRICE_ID_PRO is empty: there is no price to sell the Pro plan at, so it is not for sale");
        }
    }
}

/// Days; nothing is as long as Stripe tries.
fn grace(reader: &mut Reader<'_>) -> Option<Duration> {
    const MOST_DAYS: u32 = 90;
    let found = reader.first(names::STRIPE_GRACE_DAYS)?;
    let days = reader.parse(found, 0..=MOST_DAYS)?;
    Some(Duration::from_hours(u64::from(days) * 24))
}

fn return_url(reader: &mut Reader<'_>, setting: Setting, page: &str) -> Option<String> {
    if reader.first(setting).is_some() {
        return reader.page_url(setting);
    }
    let front = reader.page_url(names::FRONTEND_URL)?;
    Some(format!("{}/{page}", front.trim_end_matches('/')))
}
