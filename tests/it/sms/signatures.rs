//! Signatures of delivery reports and of webhooks: the recorded cases, and forgeries.

use std::collections::BTreeMap;

use pollux::providers::sender_twilio::report;
use pollux::providers::standard_webhooks::{SignedHeaders, SigningSecrets};

use super::{at, read};

#[test]
fn every_recorded_report_is_judged_as_recorded() {
    let file = read("signature-vectors.json");
    let vectors = file["twilio_status_callback"]["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 5);
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let form: BTreeMap<String, String> = serde_json::from_value(vector["params"].clone()).unwrap();
        // The order in which the fields come does not matter.
        let form: Vec<_> = form.into_iter().rev().collect();
        let is_signed = report::is_signed(&text("auth_token").into(), text("url"), &form, text("signature"));
        assert_eq!(is_signed, vector["valid"].as_bool().unwrap(), "{}", text("name"));
    }
}

#[test]
fn a_report_is_not_believed_without_token_or_signature() {
    let form = [("MessageStatus".to_owned(), "delivered".to_owned())];
    let url = "https://app.example.com/webhook/twilio";
    let by_nobody = report::sign("", url, &form);
    assert!(!report::is_signed(&"".into(), url, &form, &by_nobody));
    assert!(!report::is_signed(&"token".into(), url, &form, ""));
    let signature = report::sign("token", url, &form);
    assert!(report::is_signed(&"token".into(), url, &form, &signature));
    assert!(!report::is_signed(&"token".into(), &url.replace("https", "http"), &form, &signature));
    assert!(!report::is_signed(&"token".into(), url, &form, &signature.to_lowercase()));
}

#[test]
fn every_recorded_webhook_is_judged_as_recorded() {
    let file = read("signature-vectors.json");
    let vectors = file["standard_webhooks"]["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 8);
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let header = |name: &str| vector["headers"][name].as_str().unwrap().to_owned();
        let headers = SignedHeaders {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            signature: header("webhook-signature"),
        };
        let secrets = SigningSecrets::parse(&text("secret").into()).unwrap();
        let is_sound = secrets.verify(&headers, text("payload").as_bytes(), at(vector["now"].as_i64().unwrap()));
        assert_eq!(is_sound, vector["valid"].as_bool().unwrap(), "{}", text("name"));
    }
}

#[test]
fn what_is_signed_by_us_is_signed_as_recorded_also_while_a_secret_is_changed() {
    let vector = &read("signature-vectors.json")["standard_webhooks"]["vectors"][0];
    let (secret, payload) = (vector["secret"].as_str().unwrap(), vector["payload"].as_str().unwrap().as_bytes());
    let signed_at = at(vector["headers"]["webhook-timestamp"].as_str().unwrap().parse().unwrap());
    let id = vector["headers"]["webhook-id"].as_str().unwrap();
    let one = SigningSecrets::parse(&secret.into()).unwrap().sign(id, signed_at, payload);
    assert_eq!(one.signature, vector["headers"]["webhook-signature"].as_str().unwrap());
    let new = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
    let both = SigningSecrets::parse(&format!("{new} {secret}").into()).unwrap().sign(id, signed_at, payload);
    for secret in [secret, new] {
        assert!(SigningSecrets::parse(&secret.into()).unwrap().verify(&both, payload, signed_at));
    }
}

#[test]
fn one_changed_byte_anywhere_is_noticed() {
    let secrets = SigningSecrets::parse(&pollux::fakes::sms::receiver::SECRET.into()).unwrap();
    let body = br#"{"type":"otp.send"}"#;
    let headers = secrets.sign("msg_1", at(1_000), body);
    assert!(secrets.verify(&headers, body, at(1_000)));
    for index in 0..body.len() {
        let mut changed = body.to_vec();
        changed[index] ^= 1;
        assert!(!secrets.verify(&headers, &changed, at(1_000)), "byte {index}");
    }
    for timestamp in ["", "x", "99999999999999999999", "-1000"] {
        assert!(!secrets.verify(&SignedHeaders { timestamp: timestamp.into(), ..headers.clone() }, body, at(1_000)));
    }
}
