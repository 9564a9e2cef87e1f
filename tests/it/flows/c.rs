//! System C (`FastAPI` and Celery on Render): `/api/v1`, a slash at the end, `title` and `prompt`, and paths of three
//! routers that were each mounted under a name of their own.

use reqwest::Method;
use serde_json::json;

use super::{OldClient, System, both_engines_tell, said};
use crate::harness::env_file::Place;

pub(super) const C: System =
    System { prefix: "/api/v1", env, webhook_secret: "whsec_6Hj1Kd8Vc4Ms", price: "price_1TExampleProMonthly03" };

fn env(place: &Place<'_>) -> String {
    format!(
        r"PORT={port}
DATABASE_URL={database}
REDIS_URL={redis}
CELERY_TASK_ALWAYS_EAGER=False
SECRET_KEY = 7e4b0d92c6f1a83e5b07d4c9f2681ae3907c5d1b8f6e2a4093d7b6c1e5f8a204   # openssl rand -hex 32
ACCESS_TOKEN_EXPIRE_MINUTES = 30
OTP_EXPIRATION_MINUTES=10
GEMINI_API_KEY=AIzaSyC5d6E7f8G9h0I1j2K3l4MnOpQrStUvWxY
STRIPE_TEST_SECRET_KEY=sk_test_51C2nM8qRt5Yx
STRIPE_TEST_PUBLISHABLE_KEY=pk_test_51C2nM8qRt5Yx
STRIPE_TEST_PRICE_ID_PRO={price}
STRIPE_WEBHOOK_SECRET={webhook_secret}
STRIPE_SUCCESS_URL=https://c.example/success?session_id={{CHECKOUT_SESSION_ID}}
STRIPE_CANCEL_URL=https://c.example/cancel
",
        port = place.port,
        database = place.database_url("postgresql+psycopg2"),
        redis = place.with_postgres("redis://localhost:6379/0?ssl_cert_reqs=CERT_NONE"),
        webhook_secret = C.webhook_secret,
        price = C.price,
    )
}

both_engines_tell! { C: a_client_of_system_c_goes_from_sign_up_to_pro }

async fn a_client_of_system_c_goes_from_sign_up_to_pro(mut old: OldClient) {
    old.get("/health/").await.expect(200);

    // Signed up with a password, as this client does; in with a code that lives ten minutes, for half an hour.
    let mobile = "+33612345678";
    old.post("/auth/signup/", json!({"phone": mobile, "password": "not needed yet"})).await.expect(201);
    let sent = old.post("/auth/send-otp/", json!({"phone": mobile})).await.expect(200).body;
    assert_eq!(sent["expires_in"], 10 * 60);
    let verified = old.post("/auth/verify-otp/", json!({"phone": mobile, "code": sent["otp"]})).await.expect(200).body;
    assert_eq!(verified["expires_in"], 30 * 60);
    old.keep_token(&verified);

    // A room with a title, a prompt to the router of messages, and the reply in the room.
    let made = old.post("/chatroom/", json!({"title": "Travel"})).await.expect(201).body;
    let room = made["id"].as_str().unwrap().to_owned();
    assert_eq!(old.get("/chatroom/?page=1").await.expect(200).body["chatrooms"][0]["id"], made["id"]);
    let door = format!("/message/chatroom/{room}/message");
    old.post(&door, json!({"prompt": "Where is it warm in May?"})).await.expect(202);
    old.post(&format!("{door}/"), json!({"prompt": "And in June?"})).await.expect(202);
    old.the_worker_works().await;
    let seen = old.get(&format!("/chatroom/{room}/")).await.expect(200).body;
    let talk = said(&seen["messages"]);
    assert!(talk.len() == 4 && talk[1].1.contains("Where is it warm in May?"), "{talk:?}");
    assert!(talk[3].1.contains("And in June?"), "{talk:?}");
    assert_eq!(old.asked_gemini().0, "AIzaSyC5d6E7f8G9h0I1j2K3l4MnOpQrStUvWxY");
    old.is_the_owners_alone(Method::POST, &door).await;

    // Pro, bought and told under `/subscription`.
    old.needs_a_token(Method::POST, "/subscription/subscribe/pro").await;
    let page = old.post("/subscription/subscribe/pro", json!({})).await.expect(200).body;
    let back_at = old.pays_at(&page["checkout_url"]).await;
    assert_eq!(back_at, format!("https://c.example/success?session_id={}", page["session_id"].as_str().unwrap()));
    old.stripe_tells("/subscription/webhook/stripe").await;
    assert_eq!(old.get("/subscription/status/").await.expect(200).body["subscription_tier"], "Pro");
    let (key, sent) = old.opened_checkout();
    assert_eq!((key.as_str(), sent("line_items[0][price]").as_str()), ("sk_test_51C2nM8qRt5Yx", C.price));
    assert_eq!(sent("cancel_url"), "https://c.example/cancel");
}
