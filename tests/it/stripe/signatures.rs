//! Signatures: the recorded cases, and forgeries.

use pollux::providers::payments_stripe::signature::{MAX_HEADER, SignatureFault, sign, verify};
use secrecy::SecretString;

use super::{START, at, read};

const SECRET: &str = "whsec_exampleSecretForTestsOnly000000";

#[test]
fn every_recorded_case_is_judged_as_recorded() {
    let file = read("signature-vectors.json");
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 21);
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let secrets: Vec<SecretString> =
            vector["secrets"].as_array().unwrap().iter().map(|secret| secret.as_str().unwrap().into()).collect();
        let now = at(vector["now"].as_i64().unwrap());
        let outcome = verify(text("header"), text("payload").as_bytes(), &secrets, now);
        assert_eq!(outcome.is_ok(), vector["valid"].as_bool().unwrap(), "{}: {outcome:?}", text("name"));
    }
}

#[test]
fn what_is_signed_by_us_is_signed_as_recorded() {
    let vector = &read("signature-vectors.json")["vectors"][0];
    let body = vector["payload"].as_str().unwrap().as_bytes();
    assert_eq!(sign(SECRET, body, at(START)), vector["header"].as_str().unwrap());
}

#[test]
fn without_a_secret_nothing_is_believed() {
    let header = sign("", b"{}", at(START));
    assert_eq!(verify(&header, b"{}", &[], at(START)), Err(SignatureFault::Mismatch));
    assert_eq!(verify(&header, b"{}", &["".into()], at(START)), Err(SignatureFault::Mismatch));
}

#[test]
fn one_changed_byte_anywhere_is_noticed() {
    let body = br#"{"id":"evt_1","type":"invoice.paid"}"#;
    let header = sign(SECRET, body, at(START));
    for index in 0..body.len() {
        let mut changed = body.to_vec();
        changed[index] ^= 1;
        assert!(verify(&header, &changed, &[SECRET.into()], at(START)).is_err(), "byte {index}");
    }
}

#[test]
fn the_time_is_the_same_both_ways() {
    let header = sign(SECRET, b"{}", at(START));
    for (seconds, expected) in
        [(-301, Err(SignatureFault::OutOfTime)), (-300, Ok(())), (300, Ok(())), (301, Err(SignatureFault::OutOfTime))]
    {
        assert_eq!(verify(&header, b"{}", &[SECRET.into()], at(START + seconds)), expected, "{seconds}");
    }
}

#[test]
fn odd_headers_are_malformed() {
    let good = sign(SECRET, b"{}", at(START));
    let long = format!("{good},x={}", "y".repeat(MAX_HEADER));
    let two_times = format!("{good},t={START}");
    for header in ["", "t=", "t=1", "v1=1", "t=-1,v1=1", "t=+1,v1=1", "t=99999999999999999999,v1=1", &long, &two_times]
    {
        assert_eq!(verify(header, b"{}", &[SECRET.into()], at(START)), Err(SignatureFault::Malformed), "{header}");
    }
}
