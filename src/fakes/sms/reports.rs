//! Reports on what became of a text: signed as the original does, or not, in any order and as often as one likes.

use super::world::Sms;
use super::{ACCOUNT, FROM, FakeTwilio, TOKEN, form, magic};
use crate::providers::sender_twilio::report;

/// How a report is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// As the original does.
    Right,
    /// With another token.
    WithAnotherToken,
    /// Over other fields than those that are sent.
    OverOtherFields,
    /// Not at all.
    NotAtAll,
}

impl FakeTwilio {
    /// Reports a status on a text to whoever asked for it, and returns the status of the answer. `to` replaces the
    /// beginning of the callback's address, up to its path: the tests' server is not where its public address says.
    pub async fn report(&self, sms: &Sms, status: &str, signed: Signed, to: &str) -> Option<u16> {
        let url = sms.callback.clone()?;
        let mut fields: Vec<(String, String)> = [
            ("AccountSid", ACCOUNT),
            ("ApiVersion", "2010-04-01"),
            ("From", FROM),
            ("MessageSid", sms.sid.as_str()),
            ("MessageStatus", status),
            ("SmsSid", sms.sid.as_str()),
            ("SmsStatus", status),
            ("To", sms.to.as_str()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let failure = magic::failure(&sms.to).filter(|_| ["undelivered", "failed"].contains(&status));
        fields.extend(failure.map(|code| ("ErrorCode".to_owned(), code.to_string())));
        let signature = match signed {
            Signed::Right => report::sign(TOKEN, &url, &fields),
            Signed::WithAnotherToken => report::sign("other", &url, &fields),
            Signed::OverOtherFields => report::sign(TOKEN, &url, &fields[1..]),
            Signed::NotAtAll => String::new(),
        };
        let parsed = reqwest::Url::parse(&url).ok()?;
        let path = format!("{to}{}?{}", parsed.path(), parsed.query().unwrap_or(""));
        let request = self.0.client.post(path).header("content-type", "application/x-www-form-urlencoded");
        let request = if signature.is_empty() { request } else { request.header("x-twilio-signature", signature) };
        let answer = request.body(form::write(&fields)).send().await.ok()?;
        Some(answer.status().as_u16())
    }

    /// The word that the last report on a text says.
    #[must_use]
    pub fn end_of(sms: &Sms) -> &'static str {
        if magic::failure(&sms.to).is_some() { "undelivered" } else { "delivered" }
    }
}
