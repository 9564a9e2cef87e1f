//! What Twilio's errors mean for us. Nothing of an error's text leaves this file: it may hold the number.

use std::time::Duration;

use serde_json::Value;

use crate::providers::otp_sender::{Rejection, RejectionKind, SendOutcome};

/// Reads an answer whose status is not a success. Whether it was sent is told by the status; the code only says why,
/// because proxies answer with bodies of their own.
pub(super) fn outcome(status: u16, body: &[u8], retry_after: Option<Duration>) -> SendOutcome {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = json.get("code").and_then(Value::as_i64).unwrap_or(0);
    let kind = match status {
        429 => limited(code),
        401 => RejectionKind::Credentials,
        403 if code != 60410 => RejectionKind::Credentials,
        400..=407 | 409..=499 => refused(status, code, is_about_the_number(&json)),
        300..=399 => RejectionKind::Refused,
        _ => return SendOutcome::Unknown("a fault of the provider"),
    };
    let retry_after = retry_after.filter(|_| !kind.is_permanent());
    SendOutcome::Rejected(Rejection { kind, retry_after })
}

fn limited(code: i64) -> RejectionKind {
    match code {
        60202 | 60203 | 60212 => RejectionKind::CarrierLimit,
        _ => RejectionKind::Busy,
    }
}

fn refused(status: u16, code: i64, is_about_the_number: bool) -> RejectionKind {
    match code {
        21211 | 21217 => RejectionKind::InvalidNumber,
        60200 if is_about_the_number => RejectionKind::InvalidNumber,
        21612 | 21614 | 60205 => RejectionKind::Unreachable,
        21610 => RejectionKind::Unsubscribed,
        21408 | 60220 | 60605 => RejectionKind::CountryOff,
        21608 => RejectionKind::Trial,
        21603 | 21606 => RejectionKind::Sender,
        20003 => RejectionKind::Credentials,
        60410 => RejectionKind::Fraud,
        20404 => RejectionKind::NotFound,
        _ if status == 404 => RejectionKind::NotFound,
        _ => RejectionKind::Refused,
    }
}

/// Which parameter was wrong is told only in the sentence.
fn is_about_the_number(json: &Value) -> bool {
    json.get("message").and_then(Value::as_str).is_some_and(|message| message.contains("`To`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, body: &str) -> Option<RejectionKind> {
        match outcome(status, body.as_bytes(), None) {
            SendOutcome::Rejected(rejection) => Some(rejection.kind),
            _ => None,
        }
    }

    #[test]
    fn the_status_decides_whatever_the_body_says() {
        for body in ["", "<html>no</html>", "[]", r#"{"code": "21211"}"#, r#"{"message": "`To` +15005550006"}"#] {
            assert_eq!(kind(302, body), Some(RejectionKind::Refused));
            assert_eq!(kind(400, body), Some(RejectionKind::Refused));
            assert_eq!(kind(401, body), Some(RejectionKind::Credentials));
            assert_eq!(kind(403, body), Some(RejectionKind::Credentials));
            assert_eq!(kind(404, body), Some(RejectionKind::NotFound));
            assert_eq!(kind(429, body), Some(RejectionKind::Busy));
            for status in [408, 500, 502, 503, 504] {
                assert_eq!(kind(status, body), None, "{status}");
            }
        }
    }

    #[test]
    fn a_refusal_is_sorted_by_its_code() {
        for (code, expected, is_ours) in [
            (21211, RejectionKind::InvalidNumber, false),
            (21217, RejectionKind::InvalidNumber, false),
            (21612, RejectionKind::Unreachable, false),
            (21614, RejectionKind::Unreachable, false),
            (21610, RejectionKind::Unsubscribed, false),
            (60410, RejectionKind::Fraud, false),
            (21408, RejectionKind::CountryOff, true),
            (21608, RejectionKind::Trial, true),
            (21603, RejectionKind::Sender, true),
            (21606, RejectionKind::Sender, true),
            (60200, RejectionKind::Refused, true),
            (99999, RejectionKind::Refused, true),
        ] {
            let found = kind(400, &format!(r#"{{"code": {code}}}"#)).unwrap();
            assert_eq!((found, found.is_ours(), found.is_permanent()), (expected, is_ours, true), "{code}");
        }
    }

    #[test]
    fn only_what_may_help_waits_as_long_as_asked() {
        let wait = Some(Duration::from_secs(7));
        let waits = |status| match outcome(status, b"", wait) {
            SendOutcome::Rejected(rejection) => rejection.retry_after,
            _ => None,
        };
        assert_eq!((waits(429), waits(400)), (wait, None));
    }
}
