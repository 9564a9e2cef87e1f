//! Who takes payments: Stripe where its settings are whole, a stand-in in this process for a demo, else nobody. And the
//! operator's own comparison with whoever does.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use axum::Router;
use secrecy::SecretString;
use tokio::task::JoinHandle;

use super::Doors;
use crate::app::{App, Billing};
use crate::config::{self, Config, Database, PaymentMode};
use crate::domain::ids::UserId;
use crate::domain::job::{JobKind, NewJob};
use crate::domain::time::{Clock, Timestamp};
use crate::error::Result;
use crate::fakes::stripe::{FakeStripe, FakeStripeSettings, RunningStripe};
use crate::providers::payments::Payments;
use crate::providers::payments_stripe::{Stripe, StripeSettings};
use crate::services::reconcile;
use crate::storage::Db;

/// Customers that a demo takes over from the last run at a time.
const PAGE: i64 = 500;

/// The stand-in of a demo: it lives as long as the process, and delivers its events to our own door.
#[derive(Debug)]
pub struct DemoPayments {
    stripe: RunningStripe,
    post: JoinHandle<()>,
}

impl DemoPayments {
    /// The checkout and portal pages, to be shown beside our own.
    pub fn pages(&self) -> Router {
        self.stripe.fake.pages_router()
    }
}

impl Drop for DemoPayments {
    fn drop(&mut self) {
        self.post.abort();
    }
}

/// Compares every plan with the payment provider, and says in a sentence what was found. A file that a server has open
/// is the server's: it is asked to do it.
pub async fn reconcile(config: Config) -> anyhow::Result<String> {
    if config.payments.mode == PaymentMode::Off {
        bail!("payments are off, so there is nothing to compare with: set STRIPE_SECRET_KEY, or PAYMENTS");
    }
    if let Err(error) = super::lock_data(&config) {
        let Database::Sqlite { file } = &config.database else { return Err(error) };
        let (db, now) = (Db::open_sqlite(file, Clock::System.now()).await?, Clock::System.now());
        db.enqueue(NewJob::about_all(JobKind::Reconcile, now, reconcile::EVERY)).await?;
        return Ok("A server has the database open and was asked to compare; its log tells what it finds.".to_owned());
    }
    if config.payments.mode == PaymentMode::Demo {
        bail!(
            "PAYMENTS=demo lives in a running server, and none has DATA_DIR open: start one, or set STRIPE_SECRET_KEY"
        );
    }
    let house = super::open(config, Clock::System, None).await?;
    let found = reconcile::reconcile(&house.app).await?;
    if found.failed > 0 {
        bail!(
            "{} of {} customers could not be read from Stripe (check STRIPE_SECRET_KEY); {} were corrected",
            found.failed,
            found.read,
            found.corrected
        );
    }
    Ok(format!("{} customers were read, {} were corrected.", found.read, found.corrected))
}

/// Turns demo payments off where they can't work: the stand-in is in one process, which must both serve and work.
#[must_use]
pub fn fit_payments(mut config: Config, doors: Doors) -> Config {
    let is_split = !(doors.http && doors.worker);
    if config.payments.mode == PaymentMode::Demo && is_split {
        tracing::warn!("Payments are off: the demo checkout needs one process that serves and works.");
        config.payments.mode = PaymentMode::Off;
    }
    config
}

/// Asks the payment provider, without holding anything up, whether the price can be sold.
pub fn probe_price(app: &App) {
    let app = app.clone();
    tokio::spawn(async move {
        let Some(billing) = &app.billing else { return };
        match billing.payments.price(&billing.price_id).await {
            Ok(price) if price.is_active && price.is_recurring && price.livemode == billing.livemode => {
                tracing::info!(
                    currency = price.currency,
                    amount = price.unit_amount,
                    "The price of the Pro plan is there."
                );
            }
            Ok(price) => tracing::error!(
                active = price.is_active,
                recurring = price.is_recurring,
                livemode = price.livemode,
                "The price in STRIPE_PRICE_ID_PRO can't be sold as a plan: it must be active, recurring and of the key's mode."
            ),
            Err(error) => tracing::warn!(
                fault = %error.fault, note = error.note,
                "The price of the Pro plan can't be read; check STRIPE_SECRET_KEY and STRIPE_PRICE_ID_PRO."
            ),
        }
    });
}

/// Puts together what sells the Pro plan.
pub(super) async fn open(
    config: &Config,
    clock: &Clock,
    db: &Db,
) -> anyhow::Result<(Option<Billing>, Option<DemoPayments>)> {
    match config.payments.mode {
        PaymentMode::Stripe => Ok((stripe(config)?, None)),
        PaymentMode::Demo => {
            let opened = demo(config, clock, db).await;
            let (billing, demo) = opened.context("PAYMENTS=demo can't be opened here; PAYMENTS=off does without")?;
            Ok((Some(billing), Some(demo)))
        }
        PaymentMode::Off => Ok((None, None)),
    }
}

fn stripe(config: &Config) -> anyhow::Result<Option<Billing>> {
    let payments = &config.payments;
    let (Some(key), Some(secret), Some(price)) =
        (&payments.secret_key, &payments.webhook_secret, &payments.price_id_pro)
    else {
        return Ok(None);
    };
    let client = client(payments, key).context("STRIPE_SECRET_KEY or STRIPE_API_BASE can't be used")?;
    Ok(Some(billing(config, Arc::new(client), secret.clone(), price.clone())))
}

/// A client of Stripe; nothing is asked yet.
pub(super) fn client(payments: &config::Payments, key: &SecretString) -> Result<Stripe> {
    Stripe::new(StripeSettings { base_url: payments.api_base.clone(), ..StripeSettings::new(key.clone()) })
}

async fn demo(config: &Config, clock: &Clock, db: &Db) -> Result<(Billing, DemoPayments)> {
    let settings = FakeStripeSettings {
        webhook_url: Some(format!("http://{}/webhook/stripe", own_address(config.listen.address))),
        pages_url: config.listen.base_url(),
        ..FakeStripeSettings::new(clock.clone())
    };
    let price = settings.price_id.clone();
    let stripe = FakeStripe::start(settings).await?;
    take_over(&stripe.fake, db, clock.now()).await?;
    let key: SecretString = format!("sk_test_{:032x}", rand::random::<u128>()).into();
    let client = Stripe::new(StripeSettings { base_url: stripe.base_url(), ..StripeSettings::new(key) })?;
    let secret = stripe.fake.webhook_secret().into();
    let post = stripe.fake.keep_delivering();
    Ok((billing(config, Arc::new(client), secret, price), DemoPayments { stripe, post }))
}

/// The stand-in forgets with its process; our mirror does not. So it is told what it knew.
async fn take_over(fake: &FakeStripe, db: &Db, now: Timestamp) -> Result<()> {
    let mut after = UserId::from_bytes([0; 16]);
    loop {
        let customers = db.customers_to_compare(after, now, PAGE).await?;
        let Some((last, _)) = customers.last() else { return Ok(()) };
        after = *last;
        for (user_id, customer_id) in customers {
            fake.restore(&customer_id, &db.mirrored_subscriptions(user_id).await?);
        }
    }
}

fn billing(config: &Config, payments: Arc<dyn Payments>, secret: SecretString, price_id: String) -> Billing {
    let settings = &config.payments;
    let own = |page: &str| format!("{}/{page}", config.listen.base_url().trim_end_matches('/'));
    Billing {
        payments,
        webhook_secrets: vec![secret],
        price_id,
        livemode: settings.is_live(),
        grace: settings.grace,
        success_url: settings.success_url.clone().unwrap_or_else(|| own("success?session_id={CHECKOUT_SESSION_ID}")),
        cancel_url: settings.cancel_url.clone().unwrap_or_else(|| own("cancel")),
        return_url: settings.return_url.clone().unwrap_or_else(|| own("")),
    }
}

/// Where this process reaches its own listener.
fn own_address(listener: SocketAddr) -> SocketAddr {
    if !listener.ip().is_unspecified() {
        return listener;
    }
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), listener.port())
}
