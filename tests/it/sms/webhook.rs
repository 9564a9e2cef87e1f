//! The operator's own sender: what it is told, how it is asked again, and when not.

use std::time::Duration;

use pollux::domain::time::Clock;
use pollux::fakes::sms::Reply;
use pollux::fakes::sms::receiver::{Receiver, RunningReceiver, SECRET};
use pollux::providers::otp_sender::{OtpMessage, OtpSender as _, RejectionKind, SendOutcome};
use pollux::providers::sender_webhook::{WebhookSender, WebhookSettings};
use serde_json::json;

use super::{BODY, NUMBER, START, at, message, rejected};

async fn start() -> (RunningReceiver, WebhookSender) {
    let clock = Clock::manual(at(START));
    let server = Receiver::start(clock.clone()).await.unwrap();
    let pauses = [1, 3, 9].map(Duration::from_millis);
    let settings = WebhookSettings { pauses, ..WebhookSettings::new(server.url().into(), SECRET.into()) };
    (server, WebhookSender::new(settings, clock).unwrap())
}

fn answer(status: u16) -> Reply {
    Reply::new(status, "")
}

#[tokio::test]
async fn a_text_is_told_with_its_template_and_values_under_a_right_signature() {
    let (server, sender) = start().await;
    let id = message(NUMBER).id;
    assert_eq!(sender.send(&message(NUMBER)).await, SendOutcome::Accepted(Some(format!("op-{id}"))));
    let post = server.receiver.posts().remove(0);
    assert!(post.is_sound);
    assert_eq!(post.content_type, "application/json");
    assert_eq!((post.headers.id, post.headers.timestamp), (id, START.to_string()));
    let data = json!({
        "to": NUMBER, "text": BODY, "purpose": "login", "locale": "en", "expires_in_s": 300, "template": "code_v1",
        "variables": {"code": "123456", "minutes": "5"},
    });
    assert_eq!(post.body, json!({"type": "otp.send", "timestamp": "2026-11-21T10:00:00.000Z", "data": data}));
}

#[tokio::test]
async fn what_may_help_is_asked_again_under_the_same_id_and_taken_once() {
    let (server, sender) = start().await;
    for reply in [answer(503), answer(200).lost(), answer(429)] {
        server.receiver.then(reply);
    }
    assert!(matches!(sender.send(&message(NUMBER)).await, SendOutcome::Accepted(_)));
    let posts = server.receiver.posts();
    assert_eq!(posts.len(), 4);
    assert!(posts.iter().all(|post| post.is_sound && post.headers.id == message(NUMBER).id));
    assert_eq!(server.receiver.taken().len(), 1);
}

#[tokio::test]
async fn after_three_repeats_it_is_over() {
    for (statuses, outcome) in [
        ([429, 429, 429, 429], rejected(RejectionKind::Busy)),
        ([500, 429, 429, 429], SendOutcome::Unknown("a fault of the receiver")),
        ([429, 429, 429, 503], SendOutcome::Unknown("a fault of the receiver")),
    ] {
        let (server, sender) = start().await;
        for status in statuses {
            server.receiver.then(answer(status));
        }
        assert_eq!(sender.send(&message(NUMBER)).await, outcome, "{statuses:?}");
        assert_eq!(server.receiver.posts().len(), 4);
    }
}

#[tokio::test]
async fn a_refusal_is_final_and_no_redirect_is_followed() {
    for (status, kind) in [
        (400, RejectionKind::Refused),
        (401, RejectionKind::Credentials),
        (404, RejectionKind::NotFound),
        (302, RejectionKind::Refused),
        (307, RejectionKind::Refused),
    ] {
        let (server, sender) = start().await;
        server.receiver.then(answer(status).header("location", &server.url()));
        assert_eq!(sender.send(&message(NUMBER)).await, rejected(kind), "{status}");
        assert_eq!(server.receiver.posts().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_never_asked_again() {
    let (server, sender) = start().await;
    server.receiver.then(answer(410));
    for _ in 0..3 {
        assert_eq!(sender.send(&message(NUMBER)).await, rejected(RejectionKind::Stopped));
    }
    assert_eq!(server.receiver.posts().len(), 1);
}

#[tokio::test]
async fn it_is_asked_again_only_while_the_code_lives() {
    let seconds = |pauses: [u64; 3]| pauses.map(Duration::from_secs);
    assert_eq!(WebhookSettings::new("".into(), "".into()).pauses, seconds([1, 3, 9]));
    for (pauses, asked) in [(seconds([60, 0, 0]), 1), (seconds([0, 60, 0]), 2), (seconds([0, 0, 60]), 3)] {
        let (server, _) = start().await;
        let settings = WebhookSettings { pauses, ..WebhookSettings::new(server.url().into(), SECRET.into()) };
        let sender = WebhookSender::new(settings, Clock::manual(at(START))).unwrap();
        (0..4).for_each(|_| server.receiver.then(answer(429)));
        let short = OtpMessage { expires_in: Duration::from_secs(30), ..message(NUMBER) };
        assert_eq!(sender.send(&short).await, rejected(RejectionKind::Busy));
        assert_eq!(server.receiver.posts().len(), asked, "{pauses:?}");
    }
}
