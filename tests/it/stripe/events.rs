//! Every recorded event, and what is read out of it.

use std::collections::BTreeSet;

use pollux::providers::payments::{Event, EventKind};
use pollux::providers::payments_stripe::event::{NotAnEvent, read_event};

use super::{CONTRACT, at, read, user};

const CUSTOMER: Option<&str> = Some("cus_TExampleUser01");
const SUB: &str = "sub_1TExampleSub000000000001";
const SESSION: &str = "cs_test_a1TExampleSession000000000000000000000000000000000001";
const FIRST: &str = "in_1TExampleInvoice00000001";
const SECOND: &str = "in_1TExampleInvoice00000002";
const CHARGE: &str = "ch_3TExampleCharge000000001";
const DISPUTE: &str = "du_1TExampleDispute00000001";

struct Expected {
    name: &'static str,
    kind: EventKind,
    object: &'static str,
    customer: Option<&'static str>,
    of_user: bool,
    charge: Option<&'static str>,
    created: i64,
}

const fn event(name: &'static str, kind: EventKind, object: &'static str, created: i64) -> Expected {
    Expected { name, kind, object, customer: CUSTOMER, of_user: true, charge: None, created }
}

const fn charge(name: &'static str, kind: EventKind, created: i64) -> Expected {
    Expected { of_user: false, ..event(name, kind, CHARGE, created) }
}

const fn dispute(name: &'static str, created: i64) -> Expected {
    let base = event(name, EventKind::Disputed, DISPUTE, created);
    Expected { customer: None, of_user: false, charge: Some(CHARGE), ..base }
}

const EVENTS: &[Expected] = {
    use EventKind::{
        ActionRequired, CheckoutCompleted, CheckoutExpired, Ignored, PaymentFailed, Refunded, Sync, TrialEnding,
    };
    &[
        event("01_customer.subscription.created__incomplete", Sync, SUB, 1_795_255_195),
        event("02_invoice.paid__subscription_create", Sync, FIRST, 1_795_255_199),
        event("03_customer.subscription.updated__incomplete_to_active", Sync, SUB, 1_795_255_199),
        event("04_checkout.session.completed__paid", CheckoutCompleted, SESSION, 1_795_255_200),
        event("05_customer.subscription.created__active", Sync, SUB, 1_795_255_199),
        event("06_checkout.session.completed__unpaid_async", CheckoutCompleted, SESSION, 1_795_255_200),
        event("07_checkout.session.async_payment_succeeded", Sync, SESSION, 1_795_514_400),
        event("08_checkout.session.async_payment_failed", PaymentFailed, SESSION, 1_795_514_400),
        event("09_checkout.session.expired", CheckoutExpired, SESSION, 1_795_341_480),
        event("10_customer.subscription.updated__renewed", Sync, SUB, 1_797_847_200),
        event("11_invoice.paid__subscription_cycle", Sync, SECOND, 1_797_850_800),
        event("12_invoice.payment_failed__cycle", PaymentFailed, SECOND, 1_797_850_800),
        event("13_customer.subscription.updated__past_due", Sync, SUB, 1_797_850_800),
        event("14_invoice.payment_action_required", ActionRequired, SECOND, 1_797_850_800),
        event("15_customer.subscription.updated__unpaid", Sync, SUB, 1_799_143_200),
        event("16_customer.subscription.updated__cancel_at_period_end_true", Sync, SUB, 1_795_341_600),
        event("17_customer.subscription.updated__portal_cancel_flexible", Sync, SUB, 1_795_341_600),
        event("18_customer.subscription.updated__cancellation_undone", Sync, SUB, 1_795_428_000),
        event("19_customer.subscription.deleted__period_end", Sync, SUB, 1_797_847_200),
        event("20_customer.subscription.deleted__payment_failed", Sync, SUB, 1_799_661_600),
        event("21_customer.subscription.paused", Sync, SUB, 1_795_860_000),
        event("22_customer.subscription.resumed", Sync, SUB, 1_795_946_400),
        event("23_customer.subscription.updated__pause_collection", Sync, SUB, 1_795_773_600),
        event("24_customer.subscription.trial_will_end", TrialEnding, SUB, 1_795_600_800),
        event("25_customer.subscription.updated__incomplete_expired", Sync, SUB, 1_795_338_000),
        charge("26_charge.refunded__full", Refunded, 1_795_687_200),
        charge("27_charge.refunded__partial", Refunded, 1_795_687_200),
        dispute("28_charge.dispute.created", 1_796_032_800),
        dispute("29_charge.dispute.closed__lost", 1_801_303_200),
        dispute("30_charge.dispute.closed__won", 1_801_303_200),
        event("31_customer.deleted", Sync, "cus_TExampleUser01", 1_802_167_200),
        Expected {
            customer: None,
            of_user: false,
            charge: Some(CHARGE),
            ..event("32_unknown_type__radar.early_fraud_warning.created", Ignored, "issfr_1TExample0001", 1_795_255_200)
        },
        event("33_customer.subscription.updated__old_api_version", Sync, SUB, 1_795_255_210),
        Expected {
            customer: Some("cus_TExampleStranger1"),
            of_user: false,
            ..event("34_foreign__subscription_of_another_product", Sync, "sub_1TExampleOther0000000001", 1_795_255_200)
        },
        Expected { customer: None, of_user: false, ..event("90_thin_event_notification", Ignored, SUB, 1_795_255_200) },
    ]
};

fn read_file(name: &str) -> Event {
    read_event(&std::fs::read(format!("{CONTRACT}/events/{name}.json")).unwrap()).unwrap()
}

#[test]
fn every_recorded_event_is_read_as_expected() {
    for expected in EVENTS {
        let event = read_file(expected.name);
        let body = read(&format!("events/{}.json", expected.name));
        assert_eq!((body["id"].as_str(), body["type"].as_str()), (Some(&*event.id), Some(&*event.event_type)));
        assert_eq!(event.kind, expected.kind, "{}", expected.name);
        assert_eq!(event.object_id.as_deref(), Some(expected.object), "{}", expected.name);
        assert_eq!(event.customer_id.as_deref(), expected.customer, "{}", expected.name);
        assert_eq!(event.charge_id.as_deref(), expected.charge, "{}", expected.name);
        assert_eq!(event.user_id, expected.of_user.then(user), "{}", expected.name);
        assert_eq!(event.created, at(expected.created), "{}", expected.name);
        assert!(!event.livemode, "{}", expected.name);
        let link = (event.kind == EventKind::ActionRequired)
            .then_some("https://invoice.stripe.com/i/acct_1TExample/test_example");
        assert_eq!(event.action_url.as_deref(), link, "{}", expected.name);
    }
}

#[test]
fn every_recorded_event_has_an_expectation() {
    let files = std::fs::read_dir(format!("{CONTRACT}/events")).unwrap();
    let mut recorded: BTreeSet<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert!(recorded.remove("index.json"));
    let expected: BTreeSet<_> = EVENTS.iter().map(|expected| format!("{}.json", expected.name)).collect();
    assert_eq!(recorded, expected);
    assert_eq!(expected.len(), 35);
}

#[test]
fn what_is_no_event_is_refused_and_never_panics() {
    for body in [
        &b""[..],
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        br#"{"id": "evt_1"}"#,
        br#"{"id": "", "type": "invoice.paid", "created": 1}"#,
        br#"{"id": "evt 1", "type": "invoice.paid", "created": 1}"#,
        br#"{"id": "evt_1", "type": "invoice.paid", "created": "soon"}"#,
        br#"{"id": "evt_1", "type": 7, "created": 1}"#,
    ] {
        assert_eq!(read_event(body), Err(NotAnEvent), "{}", String::from_utf8_lossy(body));
    }
    let sparse = read_event(br#"{"id": "evt_1", "type": "invoice.paid", "created": 1, "data": 5}"#).unwrap();
    assert_eq!((sparse.kind, sparse.customer_id, sparse.object_id), (EventKind::Sync, None, None));
}

#[test]
fn an_expanded_customer_is_known_by_its_id() {
    let body =
        br#"{"id": "evt_1", "type": "invoice.paid", "created": 1, "data": {"object": {"customer": {"id": "cus_1"}}}}"#;
    assert_eq!(read_event(body).unwrap().customer_id.as_deref(), Some("cus_1"));
}

#[test]
fn types_without_an_example_are_sorted_too() {
    use EventKind::{Disputed, Ignored, Sync};
    for (event_type, kind) in [
        ("customer.subscription.pending_update_applied", Sync),
        ("customer.subscription.pending_update_expired", Sync),
        ("invoice.payment_succeeded", Sync),
        ("invoice.marked_uncollectible", Sync),
        ("invoice.voided", Sync),
        ("invoice.upcoming", Ignored),
        ("customer.updated", Ignored),
        ("charge.dispute.closed", Disputed),
        ("payment_intent.succeeded", Ignored),
    ] {
        let body = format!(r#"{{"id": "evt_1", "type": "{event_type}", "created": 1}}"#);
        assert_eq!(read_event(body.as_bytes()).unwrap().kind, kind, "{event_type}");
    }
}
