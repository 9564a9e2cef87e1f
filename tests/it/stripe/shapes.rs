//! The stand-in's objects have every member of the recorded ones, and its refusals their words.

use std::collections::BTreeSet;
use std::time::Duration;

use pollux::fakes::stripe::RunningStripe;
use pollux::providers::outbound;
use pollux::providers::payments::Payments as _;
use pollux::providers::payments_stripe::API_VERSION;
use serde_json::Value;

use super::{DAY, KEY, client, read, shopper, start};

async fn ask(server: &RunningStripe, method: &str, path: &str, form: &str) -> (u16, Value) {
    let client = outbound::client(Duration::from_secs(1)).unwrap();
    let call = client.request(method.parse().unwrap(), format!("{}{path}", server.base_url()));
    let call = call.bearer_auth(KEY).header("stripe-version", API_VERSION).body(form.to_owned());
    let response = call.send().await.unwrap();
    (response.status().as_u16(), serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

/// The paths of all members, lists entered by their first; what people write themselves is not entered.
fn members(value: &Value, path: &str, all: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) if !path.ends_with("metadata") => {
            for (name, member) in object {
                let path = format!("{path}.{name}");
                members(member, &path, all);
                all.insert(path);
            }
        }
        Value::Array(list) => list.iter().take(1).for_each(|first| members(first, path, all)),
        _ => {}
    }
}

fn assert_same_members(made: &Value, recorded: &Value, name: &str) {
    let (mut has, mut wants) = (BTreeSet::new(), BTreeSet::new());
    members(made, "", &mut has);
    members(recorded, "", &mut wants);
    let lacks: Vec<_> = wants.difference(&has).filter(|path| !path.contains("customer_details.")).collect();
    assert!(lacks.is_empty(), "{name} lacks {lacks:?}");
    let slice = read("stripe-slice.json");
    for required in slice["$defs"][name]["required"].as_array().into_iter().flatten() {
        assert!(!made[required.as_str().unwrap()].is_null(), "{name} lacks {required}");
    }
}

#[tokio::test]
async fn every_object_has_the_members_of_the_recorded_one() {
    let server = start().await;
    let stripe = client(&server);
    let (customer, checkout) = shopper(&stripe).await;
    let subscription = server.fake.pay(&checkout.id, pollux::fakes::stripe::Payment::Paid).unwrap();
    server.fake.refund(&customer, false);
    server.fake.dispute(&customer, None);
    server.fake.set_card(&subscription, false);
    server.fake.advance(31 * DAY);
    stripe.open_portal(&customer, "https://app.example.com/settings").await.unwrap();
    let events = server.fake.events();
    let object =
        |event_type: &str| events.iter().find(|event| event["type"] == event_type).unwrap()["data"]["object"].clone();
    for (name, event_type, file) in [
        ("subscription", "customer.subscription.updated", "03_customer.subscription.updated__incomplete_to_active"),
        ("checkout.session", "checkout.session.completed", "04_checkout.session.completed__paid"),
        ("invoice", "invoice.paid", "02_invoice.paid__subscription_create"),
        ("invoice", "invoice.payment_failed", "12_invoice.payment_failed__cycle"),
        ("charge", "charge.refunded", "27_charge.refunded__partial"),
        ("dispute", "charge.dispute.created", "28_charge.dispute.created"),
    ] {
        let recorded = read(&format!("events/{file}.json"));
        assert_same_members(&object(event_type), &recorded["data"]["object"], name);
    }
    for (name, path, file) in [
        ("customer", format!("/v1/customers/{customer}"), "customer_create__200"),
        ("subscription", format!("/v1/subscriptions/{subscription}"), "subscription_retrieve__200_active"),
        ("price", "/v1/prices?lookup_keys[]=pro_monthly&active=true".into(), "price_list_by_lookup_key__200"),
        ("list", format!("/v1/subscriptions?customer={customer}&status=all"), "subscription_list__200_one"),
    ] {
        let (status, made) = ask(&server, "GET", &path, "").await;
        assert_eq!(status, 200);
        assert_same_members(
            &made,
            &read(&format!("responses/{file}.json"))["body"],
            if name == "price" { "" } else { name },
        );
    }
    let form = format!("customer={customer}&return_url=https%3A%2F%2Fapp.example.com%2Fsettings");
    let (_, portal) = ask(&server, "POST", "/v1/billing_portal/sessions", &form).await;
    let recorded = read("responses/billing_portal_session_create__200.json");
    assert_same_members(&portal, &recorded["body"], "billing_portal.session");
    let form = "url=http%3A%2F%2Fx%2Fhook&enabled_events[]=invoice.paid&enabled_events[]=customer.deleted";
    let (_, endpoint) = ask(&server, "POST", "/v1/webhook_endpoints", form).await;
    assert_eq!(endpoint["enabled_events"], serde_json::json!(["invoice.paid", "customer.deleted"]));
    assert_same_members(&endpoint, &Value::Null, "webhook_endpoint");
}

#[tokio::test]
async fn every_event_has_the_envelope_of_the_recorded_one() {
    let server = start().await;
    let (_, checkout) = shopper(&client(&server)).await;
    server.fake.pay(&checkout.id, pollux::fakes::stripe::Payment::Paid);
    for event in server.fake.events() {
        let mut event = event;
        event["data"] = Value::Null;
        let mut recorded = read("events/03_customer.subscription.updated__incomplete_to_active.json");
        recorded["data"] = Value::Null;
        assert_same_members(&event, &recorded, "");
        assert_eq!(event.as_object().unwrap().len(), recorded.as_object().unwrap().len());
    }
}

#[tokio::test]
async fn what_the_original_refuses_is_refused_in_its_words() {
    let server = start().await;
    let stripe = client(&server);
    let (customer, _) = shopper(&stripe).await;
    let page = "success_url=https%3A%2F%2Fa.example&mode=subscription";
    for (method, path, form, file) in [
        ("POST", "/v1/checkout/sessions", format!("{page}&customer={customer}"), "400_missing_param"),
        (
            "POST",
            "/v1/checkout/sessions",
            format!("{page}&customer={customer}&line_items[0][price]=price_wrong"),
            "400_no_such_price",
        ),
        (
            "POST",
            "/v1/checkout/sessions",
            format!("{page}&customer=cus_wrong&line_items[][price]=price_pro"),
            "400_no_such_customer",
        ),
        ("GET", "/v1/subscriptions?customer=cus_wrong", String::new(), "400_no_such_customer"),
        ("POST", "/v1/customers", "foo=1".into(), "400_unknown_param"),
        ("GET", "/v1/subscriptions/sub_wrong", String::new(), "404_no_such_subscription"),
        ("DELETE", "/v1/subscriptions/sub_wrong", String::new(), "404_no_such_subscription"),
    ] {
        let (status, body) = ask(&server, method, path, &form).await;
        let recorded = read(&format!("responses/error__{file}.json"));
        assert_eq!((Some(u64::from(status)), &body), (recorded["status"].as_u64(), &recorded["body"]), "{file}");
    }
}

#[tokio::test]
async fn a_caller_needs_a_test_key_and_the_version() {
    let server = start().await;
    let client = outbound::client(Duration::from_secs(1)).unwrap();
    let get = || client.get(format!("{}/v1/prices/price_pro", server.base_url()));
    assert_eq!(get().send().await.unwrap().status(), 401);
    assert_eq!(
        get().bearer_auth("sk_live_x").header("stripe-version", API_VERSION).send().await.unwrap().status(),
        401
    );
    assert_eq!(get().bearer_auth(KEY).send().await.unwrap().status(), 400);
    assert_eq!(get().bearer_auth(KEY).header("stripe-version", "2024-06-20").send().await.unwrap().status(), 400);
    assert_eq!(get().bearer_auth(KEY).header("stripe-version", API_VERSION).send().await.unwrap().status(), 200);
}
