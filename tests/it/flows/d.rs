//! System D (`FastAPI` in docker-compose): no prefix, a number without a country code, databases named in parts, no key
//! of Gemini, and a checkout that is a link to follow.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{OldClient, System, both_engines_tell, said};
use crate::harness::env_file::Place;

pub(super) const D: System =
    System { prefix: "", env, webhook_secret: "whsec_5Gf2Lp9Wq7Tz", price: "price_1TExampleProMonthly04" };

fn env(place: &Place<'_>) -> String {
    let [host, port, name, user, password] = place.database_parts();
    format!(
        r"PORT={listen}
DB_HOST={host}
DB_PORT={port}
DB_NAME={name}
DB_USER={user}
DB_PASSWORD={password}
REDIS_HOST={redis_host}
REDIS_PORT={redis_port}
REDIS_PASSWORD=
REDIS_DB={redis_db}
REDIS_SSL=false
JWT_SECRET=e8d17b40a95c62f3d07e1b8c4f96a25d3b80c7e1f5a94d602b7c8e9f1a3d5b64
BASIC_DAILY_LIMIT=7
CACHE_TTL_SECONDS=600
GEMINI_API_KEY=
STRIPE_SECRET_KEY=sk_test_51D8kPq3Vb6Hs
STRIPE_WEBHOOK_SECRET={webhook_secret}
STRIPE_PRICE_ID_PRO={price}
",
        listen = place.port,
        redis_host = place.with_postgres("localhost"),
        redis_port = place.with_postgres("6379"),
        redis_db = place.with_postgres("0"),
        webhook_secret = D.webhook_secret,
        price = D.price,
    )
}

both_engines_tell! { D: a_client_of_system_d_goes_from_sign_up_to_pro }

async fn a_client_of_system_d_goes_from_sign_up_to_pro(mut old: OldClient) {
    // The number of its documents, a token, and a password set with nothing but the new one.
    let mobile = "8989898989";
    old.post("/auth/signup", json!({"mobile": mobile})).await.expect(201);
    let sent = old.post("/auth/send-otp", json!({"mobile": mobile})).await.expect(200).body;
    let verified = old.post("/auth/verify-otp", json!({"mobile": mobile, "otp": sent["otp"]})).await.expect(200).body;
    old.keep_token(&verified);
    old.post("/auth/change-password", json!({"new_password": "seven green herons"})).await.expect(200);
    let me = old.get("/user/me").await.expect(200).body;
    assert_eq!(
        (&me["mobile"], &me["quota"]["limit"], &me["has_password"]),
        (&json!("+8989898989"), &json!(7), &json!(true))
    );

    // A room, and the reply in it; without a key the demo model answers.
    let made = old.post("/chatroom", json!({"name": "First"})).await.expect(201).body;
    let room = format!("/chatroom/{}", made["id"].as_str().unwrap());
    old.post(&format!("{room}/message"), json!({"content": "Hello"})).await.expect(202);
    old.the_worker_works().await;
    let talk = said(&old.get(&room).await.expect(200).body["messages"]);
    assert!(talk.len() == 2 && talk[1].1.starts_with("You said: \"Hello\""), "{talk:?}");
    assert_eq!(old.gemini.fake.count(), 0);
    old.is_the_owners_alone(Method::GET, &room).await;

    // A link to follow, and a status of one word.
    old.needs_a_token(Method::GET, "/subscribe/pro").await;
    let page = old.get("/subscribe/pro").await.expect(200).body;
    old.pays_at(&page["checkout_url"]).await;
    old.stripe_tells("/webhook/stripe").await;
    assert_eq!(old.get("/subscription/status").await.expect(200).body["subscription_tier"], "Pro");
    let (key, sent) = old.opened_checkout();
    assert_eq!((key.as_str(), sent("line_items[0][price]").as_str()), ("sk_test_51D8kPq3Vb6Hs", D.price));
    let config = &old.app.house.app.config;
    assert_eq!(
        (config.cache_life, config.not_needed.as_slice()),
        (Duration::from_mins(10), &["REDIS_SSL".to_owned()][..])
    );
}
