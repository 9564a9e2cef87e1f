//! Every recorded exchange, served byte for byte, and what the clients make of it.

use pollux::fakes::sms::{FROM, Reply};
use pollux::providers::otp_sender::{OtpSender, RejectionKind, SendOutcome};
use pollux::providers::sender_twilio::{TwilioOrigin, TwilioSender};
use serde_json::Value;

use super::{CONTRACT, NUMBER, message, read, rejected, settings, twilio};

const MESSAGE: &str = "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const VERIFICATION: &str = "VEbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn exchange(name: &str) -> Value {
    read(&format!("examples/{name}.json"))
}

fn reply(exchange: &Value) -> Reply {
    let answer = &exchange["response"];
    let status = u16::try_from(answer["status"].as_u64().unwrap()).unwrap();
    let headers = answer["headers"].as_object().unwrap();
    let reply = Reply::new(status, serde_json::to_vec(&answer["body"]).unwrap());
    headers.iter().fold(reply, |reply, (name, value)| reply.header(name, value.as_str().unwrap()))
}

/// Sends the text of an exchange and insists that what goes out is what was recorded, with `more` after it.
async fn play(name: &str, more: &str) -> SendOutcome {
    let exchange = exchange(name);
    let (server, sender, verify) = twilio().await;
    server.fake.then(reply(&exchange));
    let request = &exchange["request"];
    let form: Vec<(String, String)> = serde_json::from_value(request["form"].clone()).unwrap();
    let get = |wanted: &str| form.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let message = message(get("To").unwrap());
    let own = TwilioSender::new(settings(server.base_url()), TwilioOrigin::From(FROM.into()), None).unwrap();
    let by: &dyn OtpSender = match (get("Channel"), get("From")) {
        (Some(_), _) => &verify,
        (None, Some(_)) => &own,
        (None, None) => &sender,
    };
    let outcome = by.send(&message).await;
    let calls = server.fake.calls();
    assert_eq!(calls.len(), 1, "{name}: asked once, whatever the answer");
    let call = &calls[0];
    assert_eq!(call.path, request["path"].as_str().unwrap(), "{name}");
    assert_eq!(call.authorization, request["headers"]["authorization"].as_str().unwrap(), "{name}");
    assert_eq!(call.content_type, request["headers"]["content-type"].as_str().unwrap(), "{name}");
    assert_eq!(call.body, format!("{}{more}", request["body"].as_str().unwrap()), "{name}");
    outcome
}

#[tokio::test]
async fn every_recorded_message_is_sent_as_recorded_and_its_answer_understood() {
    use RejectionKind::{Busy, CountryOff, Credentials, InvalidNumber, NotFound, Trial, Unreachable, Unsubscribed};
    let taken = || SendOutcome::Accepted(Some(MESSAGE.to_owned()));
    for (name, outcome) in [
        ("01_message__201_accepted", taken()),
        ("02_message__201_queued_from_number", taken()),
        ("03_message__400_21211_invalid_to", rejected(InvalidNumber)),
        ("04_message__400_21408_region", rejected(CountryOff)),
        ("05_message__400_21608_trial", rejected(Trial)),
        ("06_message__400_21610_unsubscribed", rejected(Unsubscribed)),
        ("07_message__400_21614_not_mobile", rejected(Unreachable)),
        ("08_message__401_20003_auth", rejected(Credentials)),
        ("09_message__404_20404_account", rejected(NotFound)),
        ("10_message__429_20429_rate", rejected(Busy)),
        ("11_message__500_20500", SendOutcome::Unknown("a fault of the provider")),
    ] {
        assert_eq!(play(name, "&ValidityPeriod=300").await, outcome, "{name}");
    }
}

#[tokio::test]
async fn every_recorded_verification_is_sent_with_a_code_of_ours() {
    use RejectionKind::{CarrierLimit, Fraud, InvalidNumber};
    for (name, outcome) in [
        ("12_verify__201_pending", SendOutcome::Accepted(Some(VERIFICATION.to_owned()))),
        ("17_verify__429_60203", rejected(CarrierLimit)),
        ("18_verify__403_60410_fraud", rejected(Fraud)),
        ("19_verify__400_60200", rejected(InvalidNumber)),
    ] {
        assert_eq!(play(name, "&CustomCode=123456&Locale=en").await, outcome, "{name}");
    }
}

/// Codes are ours, so no check is ever asked of Verify: the stand-in answers them as recorded, and their errors are
/// sorted should they come to another call.
#[tokio::test]
async fn every_recorded_check_is_answered_alike_by_the_stand_in() {
    for (name, checks) in [
        ("13_verify_check__200_approved", 0),
        ("14_verify_check__200_wrong_code", 0),
        ("15_verify_check__404_20404_gone", -1),
        ("16_verify_check__429_60202", 5),
    ] {
        let exchange = exchange(name);
        let (server, _, verify) = twilio().await;
        if checks >= 0 {
            assert!(matches!(verify.send(&message(NUMBER)).await, SendOutcome::Accepted(Some(_))));
        }
        let http = pollux::providers::outbound::client(std::time::Duration::from_secs(1)).unwrap();
        let ask = async |body: String| {
            let request = http.post(server.base_url() + exchange["request"]["path"].as_str().unwrap()).body(body);
            let headers = exchange["request"]["headers"].as_object().unwrap().iter();
            let request = headers.fold(request, |request, (name, value)| request.header(name, value.as_str().unwrap()));
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap())
        };
        for _ in 0..checks {
            ask("To=%2B15005550006&Code=000000".to_owned()).await;
        }
        let (status, mut body) = ask(exchange["request"]["body"].as_str().unwrap().to_owned()).await;
        let mut recorded = exchange["response"]["body"].clone();
        for name in ["sid", "date_updated"] {
            if recorded.get(name).is_some() {
                assert!(body[name].is_string(), "{name}");
                (body[name], recorded[name]) = (Value::Null, Value::Null);
            }
        }
        assert_eq!((u64::from(status), body), (exchange["response"]["status"].as_u64().unwrap(), recorded), "{name}");
    }
}

#[tokio::test]
async fn errors_of_checks_are_sorted_too() {
    for (name, kind) in [
        ("15_verify_check__404_20404_gone", RejectionKind::NotFound),
        ("16_verify_check__429_60202", RejectionKind::CarrierLimit),
    ] {
        let (server, _, verify) = twilio().await;
        server.fake.then(reply(&exchange(name)));
        assert_eq!(verify.send(&message(NUMBER)).await, rejected(kind), "{name}");
    }
}

#[tokio::test]
async fn what_the_stand_in_takes_it_shows_as_recorded() {
    for (name, is_verify) in [("01_message__201_accepted", false), ("12_verify__201_pending", true)] {
        let (server, sender, verify) = twilio().await;
        let by: &dyn OtpSender = if is_verify { &verify } else { &sender };
        let SendOutcome::Accepted(Some(_)) = by.send(&message(NUMBER)).await else { panic!("{name}") };
        let sms = server.fake.inbox(NUMBER).remove(0);
        assert!(sms.body.contains("123456"), "{name}");
        assert_eq!(sms.validity, (!is_verify).then_some(300), "{name}");
    }
}

#[test]
fn every_recorded_exchange_is_named_in_a_test() {
    let index = read("examples/index.json");
    let source = include_str!("exchanges.rs");
    for entry in index.as_array().unwrap() {
        let name = entry["file"].as_str().unwrap().trim_end_matches(".json");
        assert!(source.contains(&format!("(\"{name}\"")), "{name}");
    }
    let files = std::fs::read_dir(format!("{CONTRACT}/examples")).unwrap().count();
    assert_eq!((index.as_array().unwrap().len(), files), (19, 20));
}
