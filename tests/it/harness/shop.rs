//! A server that sells the Pro plan, and the stand-in of Stripe that it sells it through. Both go by one clock.

use std::sync::Arc;
use std::time::Duration;

use pollux::domain::plan::Tier;
use pollux::fakes::stripe::{FakeStripe, FakeStripeSettings, Payment, RunningStripe};
use pollux::services::reconcile::{self, Report};
use pollux::worker;

use super::{Client, Engine, TestApp, client::Answer};

/// What the events are signed with.
pub const SECRET: &str = "whsec_9Kd2mQ7xVb4Lz8Rt";

/// A server and its Stripe.
pub struct Shop {
    pub app: TestApp,
    pub stripe: Arc<RunningStripe>,
}

impl Shop {
    /// Opens with the stand-in's letters going to the server.
    pub async fn open(engine: Engine) -> Self {
        Self::open_with(engine, &[]).await
    }

    /// As [`Self::open`], with further settings.
    pub async fn open_with(engine: Engine, settings: &[(&str, &str)]) -> Self {
        let clock = pollux::domain::time::Clock::manual(super::NOON);
        let stripe = FakeStripeSettings { webhook_secret: SECRET.to_owned(), ..FakeStripeSettings::new(clock.clone()) };
        let stripe = FakeStripe::start(stripe).await.unwrap();
        let base = stripe.base_url();
        let mut pairs = vec![
            ("PAYMENTS", "stripe"),
            ("STRIPE_SECRET_KEY", "sk_test_a1b2c3d4e5f6"),
            ("STRIPE_WEBHOOK_SECRET", SECRET),
            ("STRIPE_PRICE_ID_PRO", "price_pro"),
            ("STRIPE_API_BASE", &base),
        ];
        pairs.extend_from_slice(settings);
        let app = TestApp::start_at(engine, clock, &pairs).await;
        stripe.fake.set_webhook(&format!("http://{}/webhook/stripe", app.address));
        Self { app, stripe: Arc::new(stripe) }
    }

    /// The server stops and starts again; its Stripe goes on.
    pub async fn restart(self) -> Self {
        let (app, stripe) = (self.app.restart().await, self.stripe);
        stripe.fake.set_webhook(&format!("http://{}/webhook/stripe", app.address));
        Self { app, stripe }
    }

    /// The stand-in itself.
    pub fn fake(&self) -> &FakeStripe {
        &self.stripe.fake
    }

    /// Opens a checkout for a user and answers with its session.
    pub async fn checkout(&self, user: &Client) -> String {
        let opened = user.post("/subscribe/pro", serde_json::json!({})).await.expect(200);
        opened.body["session_id"].as_str().unwrap().to_owned()
    }

    /// A user who has just paid, before anybody has told the server.
    pub async fn payer(&self) -> (Client, String) {
        let user = self.app.user().await;
        let session = self.checkout(&user).await;
        let subscription = self.fake().pay(&session, Payment::Paid).unwrap();
        (user, subscription)
    }

    /// A user whose payment the server knows of.
    pub async fn subscriber(&self) -> (Client, String) {
        let (user, subscription) = self.payer().await;
        self.deliver().await;
        assert_eq!(plan(&user).await, Tier::Pro);
        (user, subscription)
    }

    /// Delivers what is in the post, and does the jobs that follow. Answers with the statuses.
    pub async fn deliver(&self) -> Vec<u16> {
        let delivered = self.fake().deliver().await;
        self.app.run_jobs().await;
        delivered.iter().map(|delivery| delivery.status.unwrap_or(0)).collect()
    }

    /// Lets time pass for both.
    pub fn advance(&self, span: Duration) {
        self.app.advance(span);
        self.fake().advance(Duration::ZERO);
    }

    /// Compares everybody with the stand-in.
    pub async fn reconcile(&self) -> Report {
        reconcile::reconcile(&self.app.house.app).await.unwrap()
    }

    /// Does what only the clock asks for.
    pub async fn tick(&self) {
        worker::remind(&self.app.house.app).await.unwrap();
        self.app.run_jobs().await;
    }

    /// The customer of a user.
    pub async fn customer(&self, user: &Client) -> String {
        let owner = super::user_id(user).await;
        self.app.house.app.db.customer(owner).await.unwrap().unwrap().id
    }

    /// Calls of the stand-in with that method and beginning of a path.
    pub fn calls(&self, method: &str, path: &str) -> usize {
        self.fake().calls().iter().filter(|call| call.method == method && call.path.starts_with(path)).count()
    }
}

/// The plan of a user, as the next request sees it.
pub async fn plan(user: &Client) -> Tier {
    Tier::from_stored(user.get("/user/me").await.expect(200).body["subscription_tier"].as_str().unwrap())
}

/// How a subscription stands.
pub async fn status(user: &Client) -> Answer {
    user.get("/subscription/status").await.expect(200)
}

/// Runs one test on both engines, with a shop. `async fn a_sentence(shop) { ... }`, with settings in brackets before.
macro_rules! in_both_shops {
    ($($(#[$meta:meta])* $([$($name:literal = $value:literal),* $(,)?])? async fn $test:ident($shop:ident) $body:block)+) => {$(
        $(#[$meta])*
        mod $test {
            #[allow(unused_imports)]
            use super::*;

            async fn run($shop: $crate::harness::shop::Shop) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                let settings: &[(&str, &str)] = &[$($(($name, $value)),*)?];
                run($crate::harness::shop::Shop::open_with($crate::harness::Engine::Sqlite, settings).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                let settings: &[(&str, &str)] = &[$($(($name, $value)),*)?];
                if let Some(engine) = $crate::harness::Engine::postgres().await {
                    run($crate::harness::shop::Shop::open_with(engine, settings).await).await;
                }
            }
        }
    )+};
}
pub(crate) use in_both_shops;
