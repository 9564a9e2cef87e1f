//! Gemini, Stripe, the carrier of codes, and the clock of whoever answers.

use pollux::domain::time::Clock;
use pollux::fakes::gemini::{FakeGemini, Reply};
use pollux::fakes::stripe::{FakeStripe, FakeStripeSettings};
use serde_json::json;

use super::Visit;

const GEMINI_KEY: &str = "AIzaSyA1b2C3d4E5f6G7h8I9j0KlMnOpQrStUvW";
const STRIPE_KEY: &str = "sk_test_a1b2c3d4e5f6";
const WEBHOOK_SECRET: &str = "whsec_9Kd2mQ7xVb4Lz8Rt";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_models_of_the_settings_are_asked_for() {
    let (home, gemini) = (tempfile::tempdir().unwrap(), FakeGemini::start().await.unwrap());
    let base = gemini.base_url();
    let visit = |model: &str| {
        let settings = [("GEMINI_API_KEY", GEMINI_KEY), ("GEMINI_BASE_URL", &base), ("GEMINI_MODEL", model)];
        let visit = Visit::to(home.path(), &settings);
        assert!(!visit.lines.contains(GEMINI_KEY));
        visit
    };
    let well = visit("gemini-3.5-flash-lite");
    well.is_well().says("ok    model: gemini-3.5-flash-lite", &[]).says("ok    model: gemini-3.8-flash", &[]);
    well.says("ok    clock: ", &["Gemini"]);
    visit("gemini-of-tomorrow").is_ill().says("FAIL  model: gemini-of-tomorrow", &["GEMINI_MODEL"]);
    for (status, mark) in [(401, "FAIL"), (429, "warn"), (503, "FAIL")] {
        gemini.fake.otherwise(Some(Reply::json(status, &json!({"error": {"code": status, "message": GEMINI_KEY}}))));
        visit("gemini-3.5-flash-lite").says(&format!("{mark}  model: gemini-3.5-flash-lite"), &["GEMINI_"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_sells_the_pro_plan_is_looked_at() {
    let home = tempfile::tempdir().unwrap();
    let stripe = FakeStripe::start(FakeStripeSettings::new(Clock::System)).await.unwrap();
    let base = stripe.base_url();
    let visit = |key: &str, secret: &str, price: &str| {
        let settings = [
            ("STRIPE_SECRET_KEY", key),
            ("STRIPE_WEBHOOK_SECRET", secret),
            ("STRIPE_PRICE_ID_PRO", price),
            ("STRIPE_API_BASE", &base),
            ("ALLOW_DEMO", "echo,model"),
        ];
        let visit = Visit::to(home.path(), &settings);
        for hidden in [key, secret].into_iter().filter(|hidden| !hidden.is_empty()) {
            assert!(!visit.lines.contains(hidden), "{}", visit.lines);
        }
        visit
    };
    let well = visit(STRIPE_KEY, WEBHOOK_SECRET, "price_pro");
    well.is_well().says("ok    stripe key: ", &["test mode"]).says("ok    stripe price: ", &["sold for"]);
    well.says("ok    stripe webhook secret: ", &["whsec_..."]).says("ok    clock: ", &["Stripe"]);
    let ill = visit(STRIPE_KEY, "9Kd2mQ7xVb4Lz8Rt", "price_of_somebody");
    ill.is_ill().says("ok    stripe key", &[]).says("FAIL  stripe price: ", &["STRIPE_PRICE_ID_PRO"]);
    ill.says("FAIL  stripe webhook secret: ", &["STRIPE_WEBHOOK_SECRET"]);
    let half = visit(STRIPE_KEY, "", "");
    half.is_ill().says("ok    stripe key", &[]).says("FAIL  stripe price: none is set", &["STRIPE_PRICE_ID_PRO"]);
    half.says("FAIL  stripe webhook secret: it is empty", &["STRIPE_WEBHOOK_SECRET"]);
    let other_mode = visit("sk_live_a1b2c3d4e5f6", WEBHOOK_SECRET, "price_pro");
    other_mode.is_ill().says("FAIL  stripe ", &["STRIPE_"]);
    visit("pk_test_a1b2c3d4e5f6", WEBHOOK_SECRET, "price_pro")
        .is_ill()
        .says("FAIL  stripe key: ", &["STRIPE_SECRET_KEY"]);
}

#[test]
fn how_codes_go_out_is_told_and_nothing_is_sent() {
    let home = tempfile::tempdir().unwrap();
    let token = "0123456789abcdef0123456789abcdef";
    let account = format!("AC{token}");
    let with = |countries: &str| {
        let settings = [
            ("CODE_DELIVERY", "twilio"),
            ("TWILIO_ACCOUNT_SID", account.as_str()),
            ("TWILIO_AUTH_TOKEN", token),
            ("TWILIO_FROM", "+15005550006"),
            ("TWILIO_API_BASE", "http://127.0.0.1:1"),
            ("SMS_COUNTRIES", countries),
        ];
        Visit::to(home.path(), &settings)
    };
    let well = with("IN,US");
    well.is_well().says("ok    codes: sent by Twilio, to IN, US", &["nothing was sent"]);
    assert!(!well.lines.contains(&format!(" {token}")));
    with("none").is_well().says("warn  codes: ", &["SMS_COUNTRIES"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_wrong_is_told() {
    let home = tempfile::tempdir().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let old = axum::Router::new().fallback(async || [("date", "Sun, 06 Nov 1994 08:49:37 GMT")]);
    tokio::spawn(axum::serve(listener, old).into_future());
    let visit = Visit::to(home.path(), &[("GEMINI_API_KEY", GEMINI_KEY), ("GEMINI_BASE_URL", &base)]);
    visit.is_ill().says("FAIL  clock: ", &["ahead of the one of Gemini", "NTP"]);
}
