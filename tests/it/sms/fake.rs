//! Each way a text comes to nothing, played by the stand-in, and that no text is ever sent twice.

use std::time::Duration;

use pollux::fakes::sms::{ACCOUNT, number_for};
use pollux::providers::otp_sender::{OtpMessage, OtpSender, RejectionKind, SendOutcome};
use pollux::providers::sender_twilio::{TwilioSender, TwilioSettings};

use super::{NUMBER, message, rejected, service, settings, twilio};

#[tokio::test]
async fn every_refusal_of_the_table_is_met() {
    use RejectionKind::{
        Busy, CountryOff, Credentials, InvalidNumber, NotFound, Sender, Trial, Unreachable, Unsubscribed,
    };
    for (code, kind) in [
        (21211, InvalidNumber),
        (21217, InvalidNumber),
        (21614, Unreachable),
        (21612, Unreachable),
        (21408, CountryOff),
        (21608, Trial),
        (21610, Unsubscribed),
        (21603, Sender),
        (21606, Sender),
        (20003, Credentials),
        (20404, NotFound),
        (20429, Busy),
    ] {
        let (server, sender, _) = twilio().await;
        let number = number_for(code).unwrap();
        assert_eq!(sender.send(&message(&number)).await, rejected(kind), "{code}");
        assert_eq!(server.fake.texts().len(), 0, "{code}");
    }
    for code in [20500, 20503] {
        let (server, sender, _) = twilio().await;
        let outcome = sender.send(&message(&number_for(code).unwrap())).await;
        assert_eq!(outcome, SendOutcome::Unknown("a fault of the provider"), "{code}");
        assert_eq!(server.fake.calls().len(), 1);
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_or_late_leaves_it_unknown_and_is_asked_once() {
    let (server, sender, _) = twilio().await;
    server.fake.lose_next_answer();
    assert!(matches!(sender.send(&message(NUMBER)).await, SendOutcome::Unknown(_)));
    server.fake.answer_after(Duration::from_secs(3));
    assert_eq!(sender.send(&message(NUMBER)).await, SendOutcome::Unknown("no answer in time"));
    assert_eq!((server.fake.calls().len(), server.fake.inbox(NUMBER).len()), (2, 2));
}

#[tokio::test]
async fn without_a_connection_it_is_certain_that_nothing_was_sent() {
    let sender = {
        let (server, _, _) = twilio().await;
        TwilioSender::new(settings(server.base_url()), service(), None).unwrap()
    };
    // The server may take a moment to let its port go.
    let mut outcome = sender.send(&message(NUMBER)).await;
    for _ in 0..50 {
        if outcome == rejected(RejectionKind::Away) {
            break;
        }
        tokio::task::yield_now().await;
        outcome = sender.send(&message(NUMBER)).await;
    }
    assert_eq!(outcome, rejected(RejectionKind::Away));
}

#[tokio::test]
async fn after_refused_credentials_nothing_is_asked_for_a_while() {
    let (server, ..) = twilio().await;
    let wrong = TwilioSettings {
        base_url: server.base_url(),
        pause: Duration::from_millis(50),
        ..TwilioSettings::new(ACCOUNT, "another_token".into())
    };
    let sender = TwilioSender::new(wrong, service(), None).unwrap();
    for _ in 0..3 {
        assert_eq!(sender.send(&message(NUMBER)).await, rejected(RejectionKind::Credentials));
    }
    assert_eq!(server.fake.calls().len(), 1);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    while server.fake.calls().len() < 2 {
        assert!(tokio::time::Instant::now() < deadline, "never asked again");
        sender.send(&message(NUMBER)).await;
    }
}

#[tokio::test]
async fn a_text_is_not_handed_over_when_its_code_is_over() {
    let (server, sender, _) = twilio().await;
    let late = OtpMessage { expires_in: Duration::ZERO, ..message(NUMBER) };
    assert_eq!(sender.send(&late).await, rejected(RejectionKind::Refused));
    let long = OtpMessage { expires_in: Duration::from_hours(24), ..message(NUMBER) };
    assert!(matches!(sender.send(&long).await, SendOutcome::Accepted(_)));
    assert_eq!(server.fake.inbox(NUMBER)[0].validity, Some(36_000));
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let (server, sender, _) = twilio().await;
    let away = pollux::fakes::sms::Reply::new(307, "").header("location", &server.base_url());
    server.fake.then(away);
    assert_eq!(sender.send(&message(NUMBER)).await, rejected(RejectionKind::Refused));
    assert_eq!(server.fake.calls().len(), 1);
}

#[tokio::test]
async fn verify_sends_each_new_code_even_while_an_older_one_is_open() {
    let (server, _, verify) = twilio().await;
    let with = |code: &str, previous: Option<String>| OtpMessage {
        code: pollux::domain::otp::Code::parse(code).unwrap(),
        previous,
        ..message(NUMBER)
    };
    let SendOutcome::Accepted(first) = verify.send(&with("111111", None)).await else { panic!() };
    let SendOutcome::Accepted(second) = verify.send(&with("222222", first.clone())).await else { panic!() };
    assert_ne!(first, second);
    assert!(server.fake.inbox(NUMBER)[1].body.contains("222222"));
    // One whose name never reached us: the old code goes out again, and we say so, and the next try is right.
    let lost = with("333333", None);
    assert_eq!(verify.send(&lost).await, rejected(RejectionKind::Stale));
    assert!(matches!(verify.send(&lost).await, SendOutcome::Accepted(_)));
    assert!(server.fake.inbox(NUMBER).last().unwrap().body.contains("333333"));
    // One that is over already is no hindrance.
    assert!(matches!(verify.send(&with("444444", second)).await, SendOutcome::Rejected(_)));
}
