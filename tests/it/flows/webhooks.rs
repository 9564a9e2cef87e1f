//! The older names of the door for Stripe's events: the same bytes, the same limit, the same proof.

use pollux::domain::plan::Tier::{Basic, Pro};
use pollux::http::aliases::ALIASES;
use pollux::providers::payments_stripe::signature::sign;
use serde_json::{Value, json};

use crate::harness::NOON;
use crate::harness::client::{Answer, Client};
use crate::harness::shop::{SECRET, in_both_shops, plan};

/// Every spelling of every older name, and our own.
fn doors() -> Vec<String> {
    let older = ALIASES.iter().filter(|alias| alias.path == "/webhook/stripe").map(|alias| alias.older);
    let names: Vec<&str> = older.chain(["/webhook/stripe"]).collect();
    assert_eq!(names.len(), 4);
    let spelled =
        |name: &str| [name.to_owned(), format!("{name}/"), format!("/api/v1{name}"), format!("/api/v1{name}/")];
    names.into_iter().flat_map(spelled).collect()
}

async fn send(client: &Client, door: &str, signature: Option<String>, body: &[u8]) -> Answer {
    let told = client.request(reqwest::Method::POST, door).body(body.to_vec());
    client.send(signature.into_iter().fold(told, |told, signature| told.header("stripe-signature", signature))).await
}

fn event(id: &str, customer: &str) -> Value {
    json!({
        "id": id, "object": "event", "type": "customer.subscription.updated", "created": NOON.as_secs(), "livemode": false,
        "data": {"object": {"id": "sub_1", "object": "subscription", "customer": customer, "status": "active"}},
    })
}

in_both_shops! {
    async fn what_is_not_signed_is_refused_at_every_door_and_leaves_nothing(shop) {
        let (user, _) = shop.payer().await;
        let customer = shop.customer(&user).await;
        let body = serde_json::to_vec_pretty(&event("evt_forged", &customer)).unwrap();
        for door in doors() {
            let right = sign(SECRET, &body, NOON);
            let long_ago = NOON - std::time::Duration::from_secs(301);
            let [another, stale] = [sign("whsec_another", &body, NOON), sign(SECRET, &body, long_ago)];
            for signature in [None, Some(String::new()), Some(another), Some(stale)] {
                let answer = send(&shop.app.client(), &door, signature, &body).await;
                assert_eq!((answer.status, answer.code()), (400, "webhook_signature_invalid"), "{door}: {}", answer.text);
            }
            let changed = [&body[..], b" "].concat();
            send(&user, &door, Some(right), &changed).await.expect_problem(400, "webhook_signature_invalid");
            let read = shop.app.client().get(&door).await.expect_problem(405, "method_not_allowed");
            assert_eq!(read.header("allow"), "POST");
        }
        shop.app.run_jobs().await;
        assert_eq!((plan(&user).await, shop.app.count("select count(*) from billing_events").await), (Basic, 0));
    }

    async fn what_is_signed_is_taken_byte_for_byte_at_every_door_and_once_in_all(shop) {
        let (user, _) = shop.payer().await;
        let customer = shop.customer(&user).await;
        let mut body = serde_json::to_vec_pretty(&event("evt_true", &customer)).unwrap();
        body.extend_from_slice(b"\n  \n");
        for door in doors() {
            let answer = send(&shop.app.client(), &door, Some(sign(SECRET, &body, NOON)), &body).await.expect(200);
            assert_eq!(answer.body, json!({"received": true}), "{door}");
        }
        assert_eq!(shop.app.count("select count(*) from billing_events").await, 1);
        shop.app.run_jobs().await;
        assert_eq!(plan(&user).await, Pro);
    }

    async fn a_body_may_have_half_a_mebibyte_at_every_door_and_not_a_byte_more(shop) {
        let most = 512 * 1024;
        for (index, door) in doors().into_iter().step_by(3).enumerate() {
            let mut large = event(&format!("evt_{index}"), "cus_1").to_string().into_bytes();
            large.resize(most, b' ');
            send(&shop.app.client(), &door, Some(sign(SECRET, &large, NOON)), &large).await.expect(200);
            large.push(b' ');
            let refused = send(&shop.app.client(), &door, Some(sign(SECRET, &large, NOON)), &large).await;
            refused.expect_problem(413, "body_too_large");
        }
    }
}
