//! System B (`FastAPI` and Celery on Railway): no prefix, `otp_code`, a password that is changed, rooms that are
//! deleted, and a reply that is looked for in the list of messages.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{OldClient, System, both_engines_tell, said};
use crate::harness::env_file::Place;

pub(super) const B: System =
    System { prefix: "", env, webhook_secret: "whsec_3Rt9Zx7Yb2Np", price: "price_1TExampleProMonthly02" };

fn env(place: &Place<'_>) -> String {
    format!(
        r#"DATABASE_URL="{database}"
REDIS_URL="{redis}"
JWT_SECRET="c27d90f1b86a43e5d0f9721c6eb84a35f7069d1e2c5b8a0493e6d7f1ab52c840"
JWT_ALGORITHM="HS256"
JWT_EXPIRATION_HOURS=12
GOOGLE_API_KEY="AIzaSyB9z8Y7x6W5v4U3t2S1r0QpOnMlKjIhGfE"
GEMINI_MODEL="models/gemini-3.6-flash"
STRIPE_SECRET_KEY="sk_test_51B7vXw9LmT4sZ"
STRIPE_WEBHOOK_SECRET="{webhook_secret}"
STRIPE_PRO_PRICE_ID="{price}"
FRONTEND_URL="https://front.example/"
PORT={port}
"#,
        port = place.port,
        database = place.database_url("postgresql"),
        redis = place.with_postgres("redis://default:railway@localhost:6379"),
        webhook_secret = B.webhook_secret,
        price = B.price,
    )
}

both_engines_tell! { B: a_client_of_system_b_goes_from_sign_up_to_pro }

async fn a_client_of_system_b_goes_from_sign_up_to_pro(mut old: OldClient) {
    // A code, half a day's token, and a password that is set and changed.
    let mobile = "+14155550132";
    old.post("/auth/signup", json!({"mobile_number": mobile})).await.expect(201);
    let sent = old.post("/auth/send-otp", json!({"mobile_number": mobile})).await.expect(200).body;
    let verified = json!({"mobile_number": mobile, "otp_code": sent["otp"]});
    let verified = old.post("/auth/verify-otp", verified).await.expect(200).body;
    assert_eq!(verified["expires_in"], 12 * 60 * 60);
    old.keep_token(&verified);
    old.post("/auth/change-password", json!({"new_password": "seven green herons"})).await.expect(200);
    old.app.advance(Duration::from_mins(6));
    let change = |before: &str| json!({"old_password": before, "new_password": "eight grey geese"});
    old.post("/auth/change-password", change("six white swans")).await.expect_problem(401, "credentials_invalid");
    old.post("/auth/change-password", change("seven green herons")).await.expect(200);

    // Two rooms, of which one is kept, and the reply in its list.
    let [kept, left] =
        [old.post("/chatroom", json!({"name": "Kept"})).await, old.post("/chatroom", json!({"name": "Left"})).await]
            .map(|made| format!("/chatroom/{}", made.expect(201).body["id"].as_str().unwrap()));
    old.delete(&left).await.expect(204);
    old.get(&left).await.expect_problem(404, "not_found");
    let taken = old.post(&format!("{kept}/message"), json!({"content": "Why is the sky blue?"})).await.expect(202).body;
    assert_eq!((&taken["reply"]["status"], &taken["quota"]["limit"]), (&json!("pending"), &json!(5)));
    old.the_worker_works().await;
    let list = old.get(&format!("{kept}/messages?page=1&per_page=20")).await.expect(200).body;
    let talk = said(&list["messages"]);
    assert!(talk.len() == 2 && talk[1].1.contains("Why is the sky blue?"), "{talk:?}");
    assert_eq!(
        old.asked_gemini(),
        ("AIzaSyB9z8Y7x6W5v4U3t2S1r0QpOnMlKjIhGfE".to_owned(), "gemini-3.6-flash".to_owned())
    );
    old.is_the_owners_alone(Method::POST, &format!("{kept}/message")).await;

    // Pro, told under `/subscribe`.
    old.needs_a_token(Method::GET, "/subscribe/status").await;
    assert_eq!(old.get("/subscribe/status").await.expect(200).body["subscription_tier"], "Basic");
    let page = old.post("/subscribe/pro", json!({})).await.expect(200).body;
    assert_eq!(old.pays_at(&page["checkout_url"]).await, "https://front.example/success");
    old.stripe_tells("/subscribe/webhook").await;
    assert_eq!(old.get("/subscribe/status").await.expect(200).body["subscription_tier"], "Pro");
    let (key, sent) = old.opened_checkout();
    assert_eq!((key.as_str(), sent("line_items[0][price]").as_str()), ("sk_test_51B7vXw9LmT4sZ", B.price));
    assert_eq!(sent("cancel_url"), "https://front.example/cancel");
}
