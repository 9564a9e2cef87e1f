//! System A (`FastAPI` and Celery): everything under `/api/v1`, `mobile_number`, and a reply that is looked for in the
//! room.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{OldClient, System, both_engines_tell, said};
use crate::harness::env_file::Place;

pub(super) const A: System =
    System { prefix: "/api/v1", env, webhook_secret: "whsec_8fA2kLm9Qw3E", price: "price_1TExampleProMonthly01" };

fn env(place: &Place<'_>) -> String {
    format!(
        r#"# Application
APP_NAME=Gemini Backend Clone
DEBUG=True
HOST=localhost
PORT={port}
SECRET_KEY=9b1f7c3e5a2d8064f7c1a9b35e0d64823f9c1b7a5d2e8064c7f1a9b35e0d6482
ALGORITHM=HS256
ACCESS_TOKEN_EXPIRE_MINUTES=10080

# Database
DATABASE_URL={database}
REDIS_URL={redis}
CELERY_BROKER_URL=redis://localhost:6379/0
CELERY_RESULT_BACKEND=redis://localhost:6379/1

# Google Gemini
GEMINI_API_KEY=AIzaSyA1b2C3d4E5f6G7h8I9j0KlMnOpQrStUvW

# Stripe
STRIPE_SECRET_KEY=sk_test_51HxQ2aB3cD4eF5
STRIPE_PUBLISHABLE_KEY=pk_test_51HxQ2aB3cD4eF5
STRIPE_WEBHOOK_SECRET={webhook_secret}
STRIPE_PRICE_ID_PRO={price}

BASIC_TIER_DAILY_LIMIT=5
CORS_ORIGINS=["http://localhost:3000","http://localhost:8080"]
"#,
        port = place.port,
        database = place.database_url("postgresql+asyncpg"),
        redis = place.with_postgres("redis://localhost:6379/0"),
        webhook_secret = A.webhook_secret,
        price = A.price,
    )
}

both_engines_tell! { A: a_client_of_system_a_goes_from_sign_up_to_pro, the_env_of_system_a_is_in_force }

async fn a_client_of_system_a_goes_from_sign_up_to_pro(mut old: OldClient) {
    old.client.get("/health").await.expect(200);

    // A code, and with it a week's token.
    let mobile = "+919876543210";
    old.post("/auth/signup", json!({"mobile_number": mobile, "name": "Asha"})).await.expect(201);
    let sent = old.post("/auth/send-otp", json!({"mobile_number": mobile})).await.expect(200).body;
    let verified =
        old.post("/auth/verify-otp", json!({"mobile_number": mobile, "otp": sent["otp"]})).await.expect(200).body;
    assert_eq!(verified["expires_in"], 7 * 24 * 60 * 60);
    old.keep_token(&verified);
    let me = old.get("/user/me").await.expect(200).body;
    assert_eq!((&me["name"], &me["subscription_tier"]), (&json!("Asha"), &json!("Basic")));

    // A room, and the reply in it.
    let made =
        old.post("/chatroom", json!({"name": "Physics", "description": "Questions about light"})).await.expect(201);
    let room = format!("/chatroom/{}", made.body["id"].as_str().unwrap());
    assert_eq!(old.get("/chatroom?use_cache=true").await.expect(200).body["chatrooms"][0]["name"], "Physics");
    old.post(&format!("{room}/message"), json!({"content": "Why is the sky blue?"})).await.expect(202);
    old.the_worker_works().await;
    let seen = old.get(&format!("{room}?include_messages=true&message_limit=50")).await.expect(200).body;
    let talk = said(&seen["messages"]);
    assert_eq!(talk[0], ("user".to_owned(), "Why is the sky blue?".to_owned()));
    assert!(talk[1].0 == "assistant" && talk[1].1.contains("Why is the sky blue?"), "{talk:?}");
    let asked = ("AIzaSyA1b2C3d4E5f6G7h8I9j0KlMnOpQrStUvW".to_owned(), "gemini-3.5-flash-lite".to_owned());
    assert_eq!(old.asked_gemini(), asked);
    old.is_the_owners_alone(Method::GET, &room).await;

    // Five messages a day, and then Pro.
    for number in 2..=5 {
        old.post(&format!("{room}/message"), json!({"content": format!("Question {number}")})).await.expect(202);
    }
    old.post(&format!("{room}/message"), json!({"content": "One more"})).await.expect_problem(429, "quota_exceeded");
    old.needs_a_token(Method::POST, "/subscription/pro").await;
    let page = old.post("/subscription/pro", json!({})).await.expect(200).body;
    let back_at = old.pays_at(&page["checkout_url"]).await;
    assert!(
        back_at.starts_with(&format!("http://localhost:{}/success?session_id=cs_", old.app.address.port())),
        "{back_at}"
    );
    assert_eq!(old.get("/subscription/status").await.expect(200).body["subscription_tier"], "Basic");
    old.forgeries_are_refused_at("/webhook/stripe").await;
    old.stripe_tells("/webhooks/stripe").await;
    assert_eq!(old.get("/subscription/status").await.expect(200).body["subscription_tier"], "Pro");
    old.post(&format!("{room}/message"), json!({"content": "One more"})).await.expect(202);
}

async fn the_env_of_system_a_is_in_force(mut old: OldClient) {
    let config = &old.app.house.app.config;
    assert_eq!((config.token_life, config.basic_daily_limit), (Duration::from_hours(168), 5));
    for name in ["APP_NAME", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "DEBUG", "STRIPE_PUBLISHABLE_KEY"] {
        assert!(config.not_needed.iter().any(|known| known == name), "{name}");
    }

    // The front end of its CORS_ORIGINS may call, and no other.
    for (origin, is_listed) in
        [("http://localhost:3000", true), ("http://localhost:8080", true), ("http://localhost:5173", false)]
    {
        let asked = old.client.request(Method::OPTIONS, "/api/v1/subscription/pro").header("origin", origin);
        let answer = old.client.send(asked.header("access-control-request-method", "POST")).await.expect(204);
        assert_eq!(answer.header("access-control-allow-origin") == origin, is_listed, "{origin}");
    }

    // Its key and its price are what the checkout is opened with.
    old.client = old.app.user().await;
    old.post("/subscription/pro", json!({})).await.expect(200);
    let (key, sent) = old.opened_checkout();
    assert_eq!((key.as_str(), sent("line_items[0][price]").as_str()), ("sk_test_51HxQ2aB3cD4eF5", A.price));
}
