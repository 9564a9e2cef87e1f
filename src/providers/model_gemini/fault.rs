//! What Gemini's errors mean for us. Nothing of an error's free text leaves this file: it may name the project.

use std::time::Duration;

use serde_json::Value;

use crate::providers::model::{ModelError, ModelFault};

/// A kind of failure with a note in our own words.
pub(super) fn because(fault: ModelFault, note: impl Into<String>) -> ModelError {
    ModelError { fault, retry_after: None, note: note.into() }
}

/// Network trouble, a cut or unreadable answer.
pub(super) fn away(note: impl Into<String>) -> ModelError {
    because(ModelFault::Away, note)
}

/// Reads an answer whose HTTP status is not a success; `retry_after` is the header, which Gemini itself never sends.
pub(super) fn from_response(status: u16, retry_after: Option<Duration>, body: &[u8]) -> ModelError {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut failure = from_error(Some(status), error_in(&json).unwrap_or(&Value::Null));
    failure.retry_after = failure.retry_after.or(retry_after.filter(|_| failure.fault.is_transient()));
    failure
}

/// The error object of a body, alone or first in a list.
pub(super) fn error_in(body: &Value) -> Option<&Value> {
    let object = body.as_array().map_or(Some(body), |list| list.iter().find(|item| item.get("error").is_some()))?;
    object.get("error").filter(|error| !error.is_null())
}

/// Reads an error object; inside a body of status 200 it alone says what happened.
pub(super) fn from_error(http_status: Option<u16>, error: &Value) -> ModelError {
    let status = text(error, "status");
    let code = http_status.or_else(|| code_of(error)).unwrap_or_else(|| code_of_name(status));
    let reason = details(error).find_map(|detail| detail.get("reason")?.as_str()).unwrap_or("");
    let fault = match code {
        429 if is_exhausted(error) => ModelFault::Exhausted,
        429 => ModelFault::Slowed,
        400 if status == "FAILED_PRECONDITION" || reason.starts_with("API_KEY_") => ModelFault::Misconfigured,
        401..=404 => ModelFault::Misconfigured,
        408 => ModelFault::Away,
        400..500 => ModelFault::Rejected,
        _ => ModelFault::Away,
    };
    let retry_after = fault.is_transient().then(|| retry_delay(error)).flatten();
    ModelError {
        fault,
        retry_after,
        note: format!("status {code} {} {}", name(status), name(reason)).trim().to_owned(),
    }
}

/// A name in capitals as it came, or nothing: what goes to the log must not carry text from outside.
pub(super) fn name(text: &str) -> &str {
    let is_name = text.len() <= 64 && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if is_name { text } else { "" }
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or("")
}

fn details(error: &Value) -> impl Iterator<Item = &Value> {
    error.get("details").and_then(Value::as_array).into_iter().flatten()
}

fn code_of(error: &Value) -> Option<u16> {
    let code = u16::try_from(error.get("code")?.as_u64()?).ok()?;
    (400..600).contains(&code).then_some(code)
}

fn code_of_name(status: &str) -> u16 {
    match status {
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => 400,
        "UNAUTHENTICATED" => 401,
        "PERMISSION_DENIED" => 403,
        "NOT_FOUND" => 404,
        "RESOURCE_EXHAUSTED" => 429,
        "CANCELLED" => 499,
        "UNAVAILABLE" => 503,
        "DEADLINE_EXCEEDED" => 504,
        _ => 500,
    }
}

/// True when the day's quota is used up, or there is none: the short delay such an error names is not to be believed.
fn is_exhausted(error: &Value) -> bool {
    let mut violations =
        details(error).filter_map(|detail| detail.get("violations")?.as_array()).flatten().map(|violation| {
            let quota = text(violation, "quotaId");
            quota.contains("PerDay") || quota.contains("Daily") || text(violation, "quotaValue") == "0"
        });
    violations.any(|exhausted| exhausted) || says_limit_zero(text(error, "message"))
}

fn says_limit_zero(message: &str) -> bool {
    let mut limits = message.match_indices("limit: 0").map(|(at, found)| message.as_bytes().get(at + found.len()));
    limits.any(|next| next.is_none_or(|next| !next.is_ascii_digit() && *next != b'.'))
}

fn retry_delay(error: &Value) -> Option<Duration> {
    let named = details(error).find_map(|detail| duration(detail.get("retryDelay")?.as_str()?));
    named.or_else(|| duration_in_message(text(error, "message")))
}

fn duration_in_message(message: &str) -> Option<Duration> {
    let (_, after) = message.split_once("retry in ")?;
    let word = after.split_whitespace().next()?;
    duration(word.trim_end_matches(['.', ',']))
}

/// Reads `45.837906927s`, `900ms` or `1h2m3s`; what it can't read is no duration.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(unit);
        total = total.checked_add(span(number, unit)?)?;
        rest = next;
    }
    (!text.is_empty()).then_some(total)
}

fn span(number: &str, unit: &str) -> Option<Duration> {
    let nanos_per_unit: u64 = match unit {
        "h" => 3_600_000_000_000,
        "m" => 60_000_000_000,
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.len() > 9 {
        return None;
    }
    let scale = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
    let nanos = whole.parse::<u64>().ok()?.checked_mul(nanos_per_unit)?;
    let part = fraction.parse::<u64>().ok()?.checked_mul(nanos_per_unit / scale)?;
    Some(Duration::from_nanos(nanos.checked_add(part)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn durations_are_read_in_every_form_that_was_seen() {
        assert_eq!(duration("45.837906927s"), Some(Duration::new(45, 837_906_927)));
        assert_eq!(duration("47s"), Some(Duration::from_secs(47)));
        assert_eq!(duration("900ms"), Some(Duration::from_millis(900)));
        assert_eq!(duration("0.5ms"), Some(Duration::from_micros(500)));
        assert_eq!(duration("1h2m3.5s"), Some(Duration::from_millis(3_723_500)));
        assert_eq!(duration_in_message("Please retry in 47.4s."), Some(Duration::from_millis(47_400)));
    }

    #[test]
    fn what_is_no_duration_is_none() {
        for text in ["", "s", ".s", "5", "-3s", "1e9s", "1.1234567891s", "5 s", "99999999999999999999s", "5days"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_limit_of_ten_is_not_a_limit_of_zero() {
        assert!(says_limit_zero("limit: 0, model: x") && says_limit_zero("limit: 0"));
        assert!(
            !says_limit_zero("limit: 10, model: x") && !says_limit_zero("limit: 0.5") && !says_limit_zero("limit: 05")
        );
    }

    #[test]
    fn a_daily_quota_without_a_zero_is_exhausted_whatever_delay_is_named() {
        let error = json!({"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [
            {"violations": [{"quotaId": "SomethingDailyTokens"}]}, {"retryDelay": "3s"}]});
        let failure = from_error(None, &error);
        assert_eq!((failure.fault, failure.retry_after), (ModelFault::Exhausted, None));
    }

    #[test]
    fn the_delay_may_stand_in_the_message_or_the_header_alone() {
        let body = br#"{"error": {"code": 429, "message": "Busy. Please retry in 900ms."}}"#;
        let failure = from_response(429, Some(Duration::from_secs(9)), body);
        assert_eq!((failure.fault, failure.retry_after), (ModelFault::Slowed, Some(Duration::from_millis(900))));
        let failure = from_response(503, Some(Duration::from_secs(9)), b"busy");
        assert_eq!((failure.fault, failure.retry_after), (ModelFault::Away, Some(Duration::from_secs(9))));
    }

    #[test]
    fn an_error_without_a_code_is_known_by_its_name() {
        for (status, fault) in [
            ("RESOURCE_EXHAUSTED", ModelFault::Slowed),
            ("PERMISSION_DENIED", ModelFault::Misconfigured),
            ("INVALID_ARGUMENT", ModelFault::Rejected),
            ("CANCELLED", ModelFault::Rejected),
            ("UNAVAILABLE", ModelFault::Away),
            ("NEVER_HEARD_OF", ModelFault::Away),
        ] {
            assert_eq!(from_error(None, &json!({"status": status})).fault, fault, "{status}");
        }
    }

    #[test]
    fn the_note_never_carries_free_text() {
        let error = json!({"code": 403, "status": "project my-secret", "message": "project my-secret",
            "details": [{"reason": "see https://example.org/my-secret"}]});
        assert_eq!(from_error(None, &error).note, "status 403");
    }
}
