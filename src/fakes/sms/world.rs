//! The state: texts that were sent, verifications that are open, and what was asked.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};

use super::answers::Reply;
use super::{ACCOUNT, FROM, SERVICE, form, magic};
use crate::domain::phone::Phone;
use crate::domain::time::{Clock, Timestamp};

/// A text that came to a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sms {
    /// Its name (`SM...`, or `VL...` of a verification).
    pub sid: String,
    /// Whom it came to.
    pub to: String,
    /// What it says.
    pub body: String,
    /// How long it might have waited.
    pub validity: Option<u64>,
    /// Who wants to know what becomes of it.
    pub callback: Option<String>,
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The path.
    pub path: String,
    /// The body as it came.
    pub body: String,
    /// The `Authorization` header.
    pub authorization: String,
    /// The `Content-Type` header.
    pub content_type: String,
}

/// A verification, open or closed.
#[derive(Clone, Debug)]
pub(super) struct Verification {
    pub sid: String,
    pub to: String,
    pub code: String,
    pub sends: usize,
    pub checks: usize,
    pub status: &'static str,
    pub until: Timestamp,
}

#[derive(Debug)]
pub(super) struct World {
    pub clock: Clock,
    pub texts: Vec<Sms>,
    pub verifications: Vec<Verification>,
    pub calls: Vec<Call>,
    pub scripted: VecDeque<Reply>,
    pub loses_next: bool,
    pub delay: Duration,
    next: u128,
}

impl World {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            texts: Vec::new(),
            verifications: Vec::new(),
            calls: Vec::new(),
            scripted: VecDeque::new(),
            loses_next: false,
            delay: Duration::ZERO,
            next: 1,
        }
    }

    pub(super) fn sid(&mut self, kind: &str) -> String {
        self.next += 1;
        format!("{kind}{:032x}", self.next)
    }

    /// Takes a message, or refuses it as the original does.
    pub(super) fn take_message(&mut self, fields: &[(String, String)]) -> Reply {
        let get = |name: &str| form::get(fields, name).filter(|value| !value.is_empty());
        let (to, body) = (get("To").unwrap_or(""), get("Body").unwrap_or(""));
        if Phone::parse(to, None).map_or(true, |phone| phone.as_str() != to) {
            return Reply::error(400, 21211, &format!("Invalid 'To' Phone Number: {to}"));
        }
        if body.is_empty() || body.chars().count() > 1_600 {
            return Reply::error(400, 21617, "The concatenated message body exceeds the 1600 character limit");
        }
        let (service, from) = (get("MessagingServiceSid"), get("From"));
        if service.is_none() && from.is_none() {
            return Reply::error(400, 21603, "A 'From' phone number is required.");
        }
        if service.is_some_and(|sid| sid != SERVICE) || from.is_some_and(|from| from != FROM) {
            return Reply::error(400, 21606, "The 'From' phone number provided is not a valid message-capable number");
        }
        let validity = get("ValidityPeriod").map(|text| text.parse::<u64>().unwrap_or(0));
        if validity.is_some_and(|seconds| !(1..=36_000).contains(&seconds)) {
            return Reply::error(400, 21624, "Invalid ValidityPeriod");
        }
        if let Some(refused) = magic::refusal(to) {
            return refused;
        }
        let sid = self.sid("SM");
        let callback = get("StatusCallback").map(ToOwned::to_owned);
        self.texts.push(Sms { sid: sid.clone(), to: to.to_owned(), body: body.to_owned(), validity, callback });
        Reply::json(201, &message(&sid, to, body, service, from))
    }
}

fn message(sid: &str, to: &str, body: &str, service: Option<&str>, from: Option<&str>) -> Value {
    let uri = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}");
    let segments = crate::domain::otp_text::gsm_units(body).map_or(70, |_| 160);
    let now = "Sat, 21 Nov 2026 10:00:00 +0000";
    json!({
        "account_sid": ACCOUNT, "api_version": "2010-04-01", "body": body, "date_created": now, "date_sent": null,
        "date_updated": now, "direction": "outbound-api", "error_code": null, "error_message": null, "from": from,
        "messaging_service_sid": service, "num_media": "0",
        "num_segments": body.encode_utf16().count().div_ceil(segments).to_string(), "price": null, "price_unit": null,
        "sid": sid, "status": if service.is_some() { "accepted" } else { "queued" },
        "subresource_uris": {"media": format!("{uri}/Media.json")}, "to": to, "uri": format!("{uri}.json"),
    })
}
