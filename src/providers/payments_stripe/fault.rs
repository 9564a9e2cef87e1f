//! What Stripe's errors mean for us. Nothing of an error's free text leaves this file: it may hold part of a key.

use serde_json::Value;

use crate::providers::payments::{PaymentError, PaymentFault};

/// A kind of failure with a note in our own words.
pub(super) fn because(fault: PaymentFault, note: impl Into<String>) -> PaymentError {
    PaymentError { fault, retry_after: None, note: note.into() }
}

/// Network trouble, a cut or unreadable answer.
pub(super) fn away(note: impl Into<String>) -> PaymentError {
    because(PaymentFault::Away, note)
}

/// Reads an answer whose status is not a success. The status decides; the body only refines it, because proxies answer
/// with bodies of their own.
pub(super) fn from_response(status: u16, request_id: &str, body: &[u8]) -> PaymentError {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |member: &str| name(json.pointer(&format!("/error/{member}")).and_then(Value::as_str).unwrap_or(""));
    let (code, param) = (text("code"), text("param"));
    let words = [format!("status {status}"), text("type"), code.clone(), param.clone(), name(request_id)];
    let note: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
    because(fault(status, &code, &param), note.join(" "))
}

fn fault(status: u16, code: &str, param: &str) -> PaymentFault {
    match status {
        400 if code == "resource_missing" && param.ends_with("[price]") => PaymentFault::Misconfigured,
        400 if code == "resource_missing" => PaymentFault::NotFound,
        401 | 403 => PaymentFault::Misconfigured,
        404 => PaymentFault::NotFound,
        408 | 409 | 425 | 429 => PaymentFault::Away,
        400..500 => PaymentFault::Refused,
        _ => PaymentFault::Away,
    }
}

/// A name as it came, or nothing: what goes to the log must not carry text from outside.
fn name(text: &str) -> String {
    let is_name = text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-[].".contains(&b));
    if is_name { text.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_decides_whatever_the_body_says() {
        for (status, expected) in [
            (301, PaymentFault::Away),
            (400, PaymentFault::Refused),
            (401, PaymentFault::Misconfigured),
            (402, PaymentFault::Refused),
            (403, PaymentFault::Misconfigured),
            (404, PaymentFault::NotFound),
            (409, PaymentFault::Away),
            (429, PaymentFault::Away),
            (500, PaymentFault::Away),
            (503, PaymentFault::Away),
        ] {
            for body in ["", "<html>no</html>", "[]", r#"{"ok": true}"#, r#"{"error": "text"}"#] {
                let failure = from_response(status, "", body.as_bytes());
                assert_eq!((failure.fault, failure.note), (expected, format!("status {status}")), "{body}");
            }
        }
    }

    #[test]
    fn the_note_never_carries_free_text() {
        let body =
            br#"{"error": {"type": "x y", "code": "bad key sk_live_1", "message": "sk_live_1", "param": "a\nb"}}"#;
        assert_eq!(from_response(400, "req 1\n", body).note, "status 400");
    }
}
