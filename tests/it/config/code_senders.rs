//! A way that ends at a phone starts only with all that it needs.

use pollux::config::PartState;

use super::{read, told};

const ACCOUNT: (&str, &str) = ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000000");
const TOKEN: (&str, &str) = ("TWILIO_AUTH_TOKEN", "canary-token");
const KEY: (&str, &str) = ("TWILIO_API_KEY", "SK00000000000000000000000000000000");
const SECRET: (&str, &str) = ("TWILIO_API_SECRET", "canary-secret");
const POOL: (&str, &str) = ("TWILIO_MESSAGING_SERVICE_SID", "MG00000000000000000000000000000000");
const FROM: (&str, &str) = ("TWILIO_PHONE_NUMBER", "+15551234567");
const SERVICE: (&str, &str) = ("TWILIO_VERIFY_SERVICE_SID", "VA00000000000000000000000000000000");
const URL: (&str, &str) = ("SMS_WEBHOOK_URL", "https://sms.example/canary-url");
const SIGNED: (&str, &str) = ("SMS_WEBHOOK_SECRET", "whsec_ZXhhbXBsZS1rZXktb2YtMzItYnl0ZXMtbGVuZ3RoISE=");
const COUNTRIES: (&str, &str) = ("SMS_COUNTRIES", "in, US,+44");

type Pair = (&'static str, &'static str);

const WHOLE: &[(&str, &[Pair])] = &[
    ("twilio", &[ACCOUNT, TOKEN, POOL, COUNTRIES]),
    ("twilio", &[ACCOUNT, KEY, SECRET, FROM, COUNTRIES]),
    ("twilio_verify", &[ACCOUNT, TOKEN, SERVICE, COUNTRIES]),
    ("twilio_verify", &[KEY, SECRET, SERVICE, COUNTRIES]),
    ("webhook", &[URL, SIGNED, COUNTRIES]),
];

#[test]
fn each_way_starts_with_all_that_it_needs_and_with_nothing_less() {
    for (way, pairs) in WHOLE {
        let delivery = ("CODE_DELIVERY", *way);
        let config = read(&[&[delivery][..], pairs].concat()).unwrap();
        assert_eq!(config.codes.countries, ["IN", "US", "+44"]);
        for left_out in 0..pairs.len() {
            let mut fewer = vec![delivery];
            fewer.extend(pairs.iter().enumerate().filter(|(index, _)| *index != left_out).map(|(_, pair)| *pair));
            let told = told(&fewer);
            let name = pairs[left_out].0.replace("PHONE_NUMBER", "FROM");
            assert!(told.contains(&name), "{way} without {name}: {told}");
            assert!(!told.contains("canary"), "{told}");
        }
    }
}

#[test]
fn what_can_not_be_right_is_refused_by_name_and_not_by_value() {
    let twilio = [("CODE_DELIVERY", "twilio"), ACCOUNT, TOKEN, POOL, COUNTRIES];
    let webhook = [("CODE_DELIVERY", "webhook"), URL, SIGNED, COUNTRIES];
    for (base, odd) in [
        (&twilio[..], ("TWILIO_ACCOUNT_SID", "canary-account")),
        (&twilio, ("TWILIO_MESSAGING_SERVICE_SID", "MGcanary")),
        (&twilio, ("SMS_COUNTRIES", "XX")),
        (&twilio, ("SMS_COUNTRIES", "INDIA")),
        (&twilio, ("SMS_COUNTRIES", "+0")),
        (&twilio, ("SMS_COUNTRIES", "IN,none")),
        (&twilio, ("SMS_SERVICE_NAME", "a canary name of more than twenty")),
        (&webhook, ("SMS_WEBHOOK_SECRET", "canary")),
        (&webhook, ("SMS_WEBHOOK_SECRET", "whsec_Y2FuYXJ5")),
        (&webhook, ("SMS_WEBHOOK_URL", "http://sms.example/canary")),
    ] {
        let mut pairs: Vec<_> = base.iter().copied().filter(|(name, _)| *name != odd.0).collect();
        pairs.push(odd);
        let told = told(&pairs);
        assert!(told.contains(odd.0) && !told.contains("canary"), "{odd:?}: {told}");
    }
}

#[test]
fn the_banner_says_by_whom_and_where_to_codes_go() {
    let banner = |more: &[(&str, &str)]| read(more).unwrap().parts()[1].clone();
    let part = banner(&[("CODE_DELIVERY", "twilio"), ACCOUNT, TOKEN, POOL, COUNTRIES]);
    assert_eq!((part.state, part.to_string().as_str()), (PartState::Real, "codes: sent by Twilio, to IN, US, +44"));
    let stopped = [("CODE_DELIVERY", "webhook"), URL, SIGNED, ("SMS_COUNTRIES", "none")];
    assert!(banner(&stopped).to_string().contains("to no country"));
    assert!(read(&stopped).unwrap().notes.iter().any(|note| note.contains("SMS_COUNTRIES is none")));
}

#[test]
fn codes_to_phones_need_no_leave_off_loopback() {
    let away = [("HOST", "0.0.0.0"), ("GEMINI_API_KEY", "AIzaSyA1b2C3d4E5f6G7h8I9j0"), ("CODE_DELIVERY", "webhook")];
    assert!(read(&[&away[..], &[URL, SIGNED, COUNTRIES]].concat()).is_ok());
}
