//! System E (Node and BullMQ): no prefix, names in camel case, and a reply that is looked for in the list of messages,
//! the newest first: what its screen shows at the bottom.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{OldClient, System, both_engines_tell, said};
use crate::harness::env_file::Place;

pub(super) const E: System =
    System { prefix: "", env, webhook_secret: "whsec_2Wd7Xs4Rf9Bn", price: "price_1TExampleProMonthly05" };

fn env(place: &Place<'_>) -> String {
    format!(
        r"HOST=127.0.0.1
PORT={port}
NODE_ENV=development
DATABASE_URL='{database}{schema}'
REDIS_HOST={redis_host}
REDIS_PORT={redis_port}
JWT_SECRET=4c9e2f71b0d8a635e7f1930c5ab2d846790e3c1f8b5d2a6407e9c1f3b8d5a602
GEMINI_API_KEY=AIzaSyE3f4G5h6I7j8K9l0M1n2OpQrStUvWxYzA
STRIPE_SECRET_KEY=sk_test_51E4hTy7Uj2Mk
STRIPE_WEBHOOK_SECRET={webhook_secret}
STRIPE_PRICE_ID_PRO={price}
",
        port = place.port,
        database = place.database_url("postgresql"),
        schema = place.with_postgres("?schema=public"),
        redis_host = place.with_postgres("127.0.0.1"),
        redis_port = place.with_postgres("6379"),
        webhook_secret = E.webhook_secret,
        price = E.price,
    )
}

both_engines_tell! { E: a_client_of_system_e_goes_from_sign_up_to_pro }

async fn a_client_of_system_e_goes_from_sign_up_to_pro(mut old: OldClient) {
    // A code, a forgotten password, and one that is changed.
    let mobile = "+4915112345678";
    old.post("/auth/signup", json!({"mobileNumber": mobile, "name": "Emil"})).await.expect(201);
    let sent = old.post("/auth/send-otp", json!({"mobileNumber": mobile})).await.expect(200).body;
    old.post("/auth/verify-otp", json!({"mobileNumber": mobile, "otp": sent["otp"]})).await.expect(200);
    old.app.advance(Duration::from_mins(1));
    let sent = old.post("/auth/forgot-password", json!({"mobileNumber": mobile})).await.expect(200).body;
    let reset = json!({"mobileNumber": mobile, "otp": sent["otp"], "newPassword": "seven green herons"});
    old.post("/auth/reset-password", reset).await.expect(200);
    let login = json!({"mobileNumber": mobile, "password": "seven green herons"});
    let entered = old.post("/auth/login", login).await.expect(200).body;
    old.keep_token(&entered);
    let change = json!({"currentPassword": "seven green herons", "newPassword": "eight grey geese"});
    old.post("/auth/change-password", change).await.expect(200);

    // A room, and the reply at the bottom of its list.
    let made = old.post("/chatroom", json!({"name": "Work"})).await.expect(201).body;
    let room = format!("/chatroom/{}", made["id"].as_str().unwrap());
    old.post(&format!("{room}/message"), json!({"message": "Draft a letter."})).await.expect(202);
    let newest = format!("{room}/messages?order=desc&limit=1");
    assert_eq!(old.get(&newest).await.expect(200).body["messages"][0]["status"], "pending");
    old.the_worker_works().await;
    let reply = old.get(&newest).await.expect(200).body;
    assert_eq!(reply["messages"][0]["status"], "complete");
    assert!(said(&reply["messages"])[0].1.contains("Draft a letter."), "{reply}");
    assert_eq!(old.asked_gemini().0, "AIzaSyE3f4G5h6I7j8K9l0M1n2OpQrStUvWxYzA");
    old.is_the_owners_alone(Method::GET, &format!("{room}/messages")).await;

    // Pro, and a longer day.
    let page = old.post("/subscribe/pro", json!({})).await.expect(200).body;
    old.pays_at(&page["checkout_url"]).await;
    old.stripe_tells("/webhook/stripe").await;
    let standing = old.get("/subscription/status").await.expect(200).body;
    assert_eq!((&standing["subscription_tier"], &standing["quota"]["limit"]), (&json!("Pro"), &json!(null)));
    let (key, sent) = old.opened_checkout();
    assert_eq!((key.as_str(), sent("line_items[0][price]").as_str()), ("sk_test_51E4hTy7Uj2Mk", E.price));
    let notes = &old.app.house.app.config.notes;
    assert!(notes.iter().any(|note| note.starts_with("NODE_ENV in .env is not a setting")), "{notes:?}");
}
