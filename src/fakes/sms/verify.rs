//! Verify: a verification is opened, sent again, checked and closed.

use std::time::Duration;

use serde_json::{Value, json};

use super::answers::Reply;
use super::world::{Sms, Verification, World};
use super::{ACCOUNT, VERIFY_SERVICE, form, magic};
use crate::domain::phone::Phone;

const LIFE: Duration = Duration::from_mins(10);
/// Sends, and checks, that a verification has.
const TRIES: usize = 5;

impl World {
    /// Opens a verification; while one is open, its old code is sent again.
    pub(super) fn verify(&mut self, fields: &[(String, String)]) -> Reply {
        let to = form::get(fields, "To").unwrap_or("");
        if Phone::parse(to, None).map_or(true, |phone| phone.as_str() != to) {
            return Reply::error(400, 60200, &format!("Invalid parameter `To`: {to}"));
        }
        let code = form::get(fields, "CustomCode").unwrap_or("123456").to_owned();
        if !(4..=10).contains(&code.len()) || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Reply::error(400, 60200, "Invalid parameter `CustomCode`");
        }
        if let Some(refused) = magic::refusal(to) {
            return refused;
        }
        let index = self.open_verification(to).unwrap_or_else(|| {
            let (sid, until) = (self.sid("VE"), self.clock.now() + LIFE);
            let (to, status) = (to.to_owned(), "pending");
            self.verifications.push(Verification { sid, to, code, sends: 0, checks: 0, status, until });
            self.verifications.len() - 1
        });
        if self.verifications[index].sends == TRIES {
            return Reply::error(429, 60203, "Max send attempts reached");
        }
        self.verifications[index].sends += 1;
        let sid = self.sid("VL");
        let open = &self.verifications[index];
        let body = format!("Your verification code is: {}", open.code);
        self.texts.push(Sms { sid, to: open.to.clone(), body, validity: None, callback: None });
        Reply::json(201, &shown(open))
    }

    /// Checks a code. A wrong one is an answer too.
    pub(super) fn check(&mut self, fields: &[(String, String)]) -> Reply {
        let by_sid = form::get(fields, "VerificationSid");
        let to = form::get(fields, "To").unwrap_or("");
        let index = match by_sid {
            Some(sid) => self.verifications.iter().position(|one| one.sid == sid && one.status == "pending"),
            None => self.open_verification(to),
        };
        let Some(index) = index else {
            let path = format!("/v2/Services/{VERIFY_SERVICE}/VerificationCheck");
            return Reply::error(404, 20404, &format!("The requested resource {path} was not found"));
        };
        let open = &mut self.verifications[index];
        if open.checks == TRIES {
            return Reply::error(429, 60202, "Max check attempts reached");
        }
        open.checks += 1;
        if form::get(fields, "Code") == Some(open.code.as_str()) {
            open.status = "approved";
        }
        let mut body = shown(open);
        for name in ["lookup", "send_code_attempts", "sna", "url"] {
            body.as_object_mut().map(|members| members.remove(name));
        }
        body["sna_attempts_error_codes"] = json!([]);
        Reply::json(200, &body)
    }

    /// Closes a verification.
    pub(super) fn close(&mut self, sid: &str, fields: &[(String, String)]) -> Reply {
        let status = match form::get(fields, "Status") {
            Some("canceled") => "canceled",
            Some("approved") => "approved",
            _ => return Reply::error(400, 60200, "Invalid parameter `Status`"),
        };
        let now = self.clock.now();
        let open = self.verifications.iter_mut().find(|one| one.sid == sid && one.status == "pending");
        let Some(open) = open.filter(|open| now < open.until) else {
            return Reply::error(404, 20404, "The requested resource was not found");
        };
        open.status = status;
        Reply::json(200, &shown(open))
    }

    fn open_verification(&self, to: &str) -> Option<usize> {
        let now = self.clock.now();
        self.verifications.iter().position(|one| one.to == to && one.status == "pending" && now < one.until)
    }
}

fn shown(one: &Verification) -> Value {
    let now = "2026-11-21T10:00:00Z";
    let attempts: Vec<_> =
        (0..one.sends).map(|_| json!({"time": now, "channel": "SMS", "attempt_sid": "VLcc"})).collect();
    json!({
        "sid": one.sid, "service_sid": VERIFY_SERVICE, "account_sid": ACCOUNT, "to": one.to, "channel": "sms",
        "status": one.status, "valid": one.status == "approved", "date_created": now, "date_updated": now,
        "lookup": {}, "amount": null, "payee": null, "send_code_attempts": attempts, "sna": null,
        "url": format!("https://verify.twilio.com/v2/Services/{VERIFY_SERVICE}/Verifications/{}", one.sid),
    })
}
