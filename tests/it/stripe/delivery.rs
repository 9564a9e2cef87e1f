//! The stand-in's post: signed, repeated, and on command wrong in every way.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use pollux::domain::time::{Clock, Timestamp};
use pollux::fakes::stripe::{FakeStripe, FakeStripeSettings, Forgery, RunningStripe};
use pollux::providers::payments::{Event, EventKind};
use pollux::providers::payments_stripe::event::read_event;
use pollux::providers::payments_stripe::signature::verify;
use rand::SeedableRng as _;
use secrecy::SecretString;
use serde_json::json;

use super::{DAY, START, at};

/// Somebody who checks signatures and keeps what is right.
#[derive(Clone)]
struct Receiver {
    clock: Clock,
    secret: SecretString,
    events: Arc<Mutex<Vec<(Event, String)>>>,
    /// How many letters are turned away first.
    refusals: Arc<Mutex<usize>>,
}

impl Receiver {
    fn ids(&self) -> Vec<String> {
        self.events.lock().unwrap().iter().map(|(event, _)| event.id.clone()).collect()
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut refusals = receiver.refusals.lock().unwrap();
    if *refusals > 0 {
        *refusals -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let header = headers["stripe-signature"].to_str().unwrap().to_owned();
    if verify(&header, &body, &[receiver.secret], receiver.clock.now()).is_err() {
        return StatusCode::BAD_REQUEST;
    }
    assert_eq!(headers["content-type"], "application/json; charset=utf-8");
    assert!(body.starts_with(b"{\n  \""), "not pretty");
    receiver.events.lock().unwrap().push((read_event(&body).unwrap(), header));
    StatusCode::OK
}

async fn connected(refusals: usize) -> (RunningStripe, Receiver, Clock) {
    let clock = Clock::manual(at(START));
    let server = FakeStripe::start(FakeStripeSettings::new(clock.clone())).await.unwrap();
    let receiver = Receiver {
        clock: clock.clone(),
        secret: server.fake.webhook_secret().into(),
        events: Arc::default(),
        refusals: Arc::new(Mutex::new(refusals)),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    server.fake.set_webhook(&format!("http://{}/hook", listener.local_addr().unwrap()));
    let app = Router::new().route("/hook", axum::routing::post(receive)).with_state(receiver.clone());
    tokio::spawn(axum::serve(listener, app).into_future());
    (server, receiver, clock)
}

#[tokio::test]
async fn letters_go_out_signed_in_order_and_once() {
    let (server, receiver, _) = connected(0).await;
    server.fake.subscribe("cus_1", "price_pro");
    let posted = server.fake.in_post();
    let delivered = server.fake.deliver().await;
    assert!(delivered.iter().all(|delivery| delivery.status == Some(200)));
    assert_eq!(receiver.ids(), posted);
    assert_eq!(server.fake.deliver().await, []);
}

#[tokio::test]
async fn a_letter_nobody_took_comes_again_signed_anew() {
    let (server, receiver, clock) = connected(1).await;
    server.fake.send_unknown();
    assert_eq!(server.fake.deliver().await[0].status, Some(503));
    assert_eq!(server.fake.deliver().await, []);
    clock.advance(Duration::from_mins(10));
    assert_eq!(server.fake.deliver().await[0].status, Some(200));
    let events = receiver.events.lock().unwrap();
    assert!(events[0].1.starts_with(&format!("t={},", START + 600)));
}

#[tokio::test]
async fn letters_come_twice_late_swapped_or_never() {
    let (server, receiver, _) = connected(0).await;
    for _ in 0..4 {
        server.fake.send_unknown();
    }
    let posted = server.fake.in_post();
    server.fake.swap_in_post(0, 1);
    server.fake.duplicate_in_post(1);
    server.fake.delay_in_post(2, 2 * DAY);
    server.fake.drop_from_post(3);
    server.fake.deliver().await;
    assert_eq!(receiver.ids(), [posted[1].clone(), posted[0].clone(), posted[0].clone()]);
    server.fake.advance(2 * DAY);
    server.fake.deliver().await;
    assert_eq!(receiver.ids()[3], posted[2]);
    let (server, receiver, _) = connected(0).await;
    (0..20).for_each(|_| server.fake.send_unknown());
    let posted = server.fake.in_post();
    server.fake.shuffle_post(&mut rand::rngs::SmallRng::seed_from_u64(1));
    assert_ne!(server.fake.in_post(), posted);
    server.fake.empty_post();
    assert_eq!((server.fake.deliver().await, receiver.ids()), (vec![], vec![]));
}

#[tokio::test]
async fn one_change_may_have_two_ids() {
    let (server, receiver, _) = connected(0).await;
    server.fake.subscribe("cus_1", "price_pro");
    server.fake.tell_twice(0);
    server.fake.deliver().await;
    let events = receiver.events.lock().unwrap();
    let (first, last) = (&events[0].0, &events.last().unwrap().0);
    assert_ne!(first.id, last.id);
    assert_eq!((&first.object_id, &first.event_type), (&last.object_id, &last.event_type));
}

#[tokio::test]
async fn forgeries_are_turned_away_and_do_not_come_again() {
    let (server, receiver, clock) = connected(0).await;
    let event = json!({"id": "evt_forged", "type": "invoice.paid", "created": START});
    for forgery in [Forgery::WrongSecret, Forgery::Old, Forgery::Future] {
        server.fake.forge(&event, forgery);
        assert_eq!(server.fake.deliver().await[0].status, Some(400), "{forgery:?}");
    }
    clock.advance(DAY);
    assert_eq!((server.fake.deliver().await, receiver.ids()), (vec![], vec![]));
    server.fake.send(event);
    assert_eq!(server.fake.deliver().await[0].status, Some(200));
}

#[tokio::test]
async fn thin_and_unknown_events_are_events_too() {
    let (server, receiver, _) = connected(0).await;
    server.fake.send_thin("sub_1");
    server.fake.send_unknown();
    server.fake.deliver().await;
    let events = receiver.events.lock().unwrap();
    let kinds: Vec<_> = events.iter().map(|(event, _)| (event.kind, event.created)).collect();
    let now: Timestamp = at(START);
    assert_eq!(kinds, [(EventKind::Ignored, now), (EventKind::Ignored, now)]);
}

#[tokio::test]
async fn by_itself_it_delivers_soon_after_something_happened() {
    let (server, receiver, _) = connected(0).await;
    let post = server.fake.keep_delivering();
    server.fake.send_unknown();
    for _ in 0..200 {
        if !receiver.ids().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    post.abort();
    assert_eq!(receiver.ids().len(), 1);
}
