//! Five earlier systems: their clients' flows from sign-up to Pro, each against a server that its own `.env` sets up.

mod a;
mod b;
mod c;
mod d;
mod e;
mod settings;
mod webhooks;

use std::time::Duration;

use pollux::config::Database;
use pollux::domain::time::{Clock, Timestamp};
use pollux::fakes::gemini::{FakeGemini, RunningGemini};
use pollux::fakes::stripe::{FakeStripe, FakeStripeSettings, RunningStripe};
use pollux::providers::payments_stripe::signature::sign;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::client::Answer;
use crate::harness::env_file::Place;
use crate::harness::{Client, Engine, NOON, TestApp};

/// What a system leaves behind: clients that know its paths, and a file of settings.
struct System {
    /// What its paths begin with.
    prefix: &'static str,
    /// Its `.env`, with its own secrets and this place's addresses.
    env: fn(&Place<'_>) -> String,
    /// The secret that its `.env` has for Stripe's events.
    webhook_secret: &'static str,
    /// The price that its `.env` sells.
    price: &'static str,
}

/// A client of an earlier system, and the world around it.
struct OldClient {
    app: TestApp,
    gemini: RunningGemini,
    stripe: RunningStripe,
    client: Client,
    prefix: &'static str,
    webhook_secret: &'static str,
}

impl OldClient {
    /// A server that the system's file sets up, and a client of it that has not signed in.
    async fn of(system: &System, engine: Engine) -> Self {
        let (clock, gemini) = (Clock::manual(NOON), FakeGemini::start().await.unwrap());
        let shop = FakeStripeSettings {
            webhook_secret: system.webhook_secret.to_owned(),
            price_id: system.price.to_owned(),
            ..FakeStripeSettings::new(clock.clone())
        };
        let stripe = FakeStripe::start(shop).await.unwrap();
        let outside = [("GEMINI_BASE_URL", gemini.base_url()), ("STRIPE_API_BASE", stripe.base_url())];
        let outside = outside.each_ref().map(|(name, url)| (*name, url.as_str()));
        let app = TestApp::start_by_file(engine, clock, &outside, system.env).await;
        check_in_force(&app);
        let client = app.client();
        Self { app, gemini, stripe, client, prefix: system.prefix, webhook_secret: system.webhook_secret }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    async fn get(&self, path: &str) -> Answer {
        self.client.get(&self.at(path)).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.client.post(&self.at(path), body).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.client.delete(&self.at(path)).await
    }

    /// Keeps the token of an answer, as each of these clients does.
    fn keep_token(&mut self, verified: &Value) {
        assert_eq!(verified["token_type"], "bearer");
        self.client.token = Some(verified["access_token"].as_str().unwrap().to_owned());
    }

    /// One after the other, what the queue holds is done.
    async fn the_worker_works(&self) {
        self.app.run_jobs().await;
    }

    /// Without a token nothing is answered.
    async fn needs_a_token(&self, method: Method, path: &str) {
        let nobody = self.app.client();
        let refused = nobody.send(nobody.request(method, &self.at(path))).await;
        refused.expect_problem(401, "authentication_required");
    }

    /// As [`Self::needs_a_token`]; and to somebody else's token, nothing is there.
    async fn is_the_owners_alone(&self, method: Method, path: &str) {
        self.needs_a_token(method.clone(), path).await;
        let stranger = self.app.user().await;
        let asked = stranger.request(method, &self.at(path)).header("content-type", "application/json");
        let asked = asked.body(json!({"content": "Let me in."}).to_string());
        stranger.send(asked).await.expect_problem(404, "not_found");
    }

    /// A person opens the page, presses the button, and is sent back; answers with where to.
    async fn pays_at(&self, checkout_url: &Value) -> String {
        let url = checkout_url.as_str().unwrap();
        assert!(url.starts_with(&self.stripe.base_url()), "{url}");
        let browser = self.app.client().http;
        let form = ("content-type", "application/x-www-form-urlencoded");
        let pressed = browser.post(url).header(form.0, form.1).body("outcome=paid").send().await.unwrap();
        assert_eq!(pressed.status(), 303);
        pressed.headers()["location"].to_str().unwrap().to_owned()
    }

    /// Stripe's events come to the path that this system told Stripe; nobody else is believed there.
    async fn stripe_tells(&self, path: &str) {
        let url = format!("http://{}{}", self.app.address, self.at(path));
        self.forgeries_are_refused_at(path).await;
        self.stripe.fake.set_webhook(&url);
        let told = self.stripe.fake.deliver().await;
        assert!(!told.is_empty() && told.iter().all(|letter| letter.status == Some(200)), "{told:?}");
        self.the_worker_works().await;
    }

    async fn forgeries_are_refused_at(&self, path: &str) {
        let event = json!({"id": "evt_forged", "type": "invoice.paid", "created": NOON.as_secs(), "livemode": false});
        let body = event.to_string();
        let old = NOON - Duration::from_mins(6);
        let signed = |secret: &str, at: Timestamp| sign(secret, body.as_bytes(), at);
        for signature in [None, Some(signed("whsec_of_nobody", NOON)), Some(signed(self.webhook_secret, old))] {
            let told = self.app.client().request(Method::POST, &self.at(path)).body(body.clone());
            let told = match signature {
                Some(signature) => told.header("stripe-signature", signature),
                None => told,
            };
            self.client.send(told).await.expect_problem(400, "webhook_signature_invalid");
        }
        assert_eq!(self.app.count("select count(*) from billing_events").await, 0);
    }

    /// The parameters of the call that opened the checkout at Stripe, and the key it came with.
    fn opened_checkout(&self) -> (String, impl Fn(&str) -> String) {
        let calls = self.stripe.fake.calls();
        let opened = calls.into_iter().find(|call| call.path == "/v1/checkout/sessions").unwrap();
        let form = opened.form;
        let sent = move |name: &str| form.iter().find(|(key, _)| key == name).unwrap().1.clone();
        (opened.key, sent)
    }

    /// The key and the model of the calls that Gemini got; all had the same.
    fn asked_gemini(&self) -> (String, String) {
        let calls = self.gemini.fake.calls();
        assert!(calls.windows(2).all(|two| (&two[0].key, &two[0].path) == (&two[1].key, &two[1].path)), "{calls:?}");
        let model = calls[0].path.rsplit('/').next().unwrap().split(':').next().unwrap();
        (calls[0].key.clone(), model.to_owned())
    }
}

/// What every one of the files sets: the key that signs, where the data is, Redis beside PostgreSQL, and all of Stripe.
fn check_in_force(app: &TestApp) {
    let config = &app.house.app.config;
    assert!(config.signing.current.is_some() && config.payments.is_complete());
    assert_eq!(matches!(config.database, Database::Postgres { .. }), app.is_postgres());
    assert_eq!(config.redis.is_some(), app.is_postgres());
}

/// The texts of messages, each after who wrote it.
fn said(messages: &Value) -> Vec<(String, String)> {
    let text = |message: &Value, name: &str| message[name].as_str().unwrap().to_owned();
    messages.as_array().unwrap().iter().map(|message| (text(message, "role"), text(message, "content"))).collect()
}

/// Tells stories of a system on both engines; each is a function by that name.
macro_rules! both_engines_tell {
    ($system:ident: $($story:ident),+) => {$(
        mod $story {
            use crate::flows::OldClient;
            use crate::harness::Engine;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$story(OldClient::of(&super::$system, Engine::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                if let Some(engine) = Engine::postgres().await {
                    super::$story(OldClient::of(&super::$system, engine).await).await;
                }
            }
        }
    )+};
}
use both_engines_tell;
