//! Sending one-time codes, as the rest of the house sees it: a text is handed over, and it was taken, refused, or
//! nobody knows.

use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::domain::otp::{Code, Purpose};
use crate::domain::phone::Phone;

/// Somebody who carries texts to phones: Twilio, or the operator's own sender.
pub trait OtpSender: Send + Sync {
    /// Hands one text over. It is called once for each message, because most carriers would send a second text.
    fn send<'a>(&'a self, message: &'a OtpMessage) -> BoxFuture<'a, SendOutcome>;

    /// True where the same message handed over again is known by its id, so that nobody gets two texts.
    fn repeats_safely(&self) -> bool;
}

/// A text with a code in it, and what it was made of, for carriers that only send texts approved word by word.
#[derive(Clone, Debug)]
pub struct OtpMessage {
    /// Names the message; the same at every repeat.
    pub id: String,
    /// Whom it goes to.
    pub to: Phone,
    /// The code alone.
    pub code: Code,
    /// The whole text; Debug must not show it.
    pub text: Text,
    /// The name of the text's template.
    pub template: &'static str,
    /// The values in the template's places, the code among them.
    pub variables: Variables,
    /// The language of the text.
    pub locale: &'static str,
    /// What the code is for.
    pub purpose: Purpose,
    /// How much of the code's life is left: a text that would come later need not come at all.
    pub expires_in: Duration,
    /// What the carrier called the message before this one to the same number, while that one's code lived.
    pub previous: Option<String>,
}

/// The words of a message, which no log may show.
#[derive(Clone, PartialEq, Eq)]
pub struct Text(pub String);

/// Names and values of a template's places, which no log may show.
#[derive(Clone, PartialEq, Eq)]
pub struct Variables(pub Vec<(&'static str, String)>);

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// What became of handing a text over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The carrier took it, under this name where it gave one; it has not arrived yet.
    Accepted(Option<String>),
    /// It certainly was not sent.
    Rejected(Rejection),
    /// It may have been sent: the same code must not be sent blindly again. The note is for the log.
    Unknown(&'static str),
}

/// Why a text was certainly not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// What was wrong, which decides what happens next.
    pub kind: RejectionKind,
    /// When the carrier asked us to come back, where it did.
    pub retry_after: Option<Duration>,
}

impl From<RejectionKind> for Rejection {
    fn from(kind: RejectionKind) -> Self {
        Self { kind, retry_after: None }
    }
}

/// The kinds of refusals that we treat differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectionKind {
    /// Not a number that anybody has.
    InvalidNumber,
    /// The number can't get texts, or there is no way to it.
    Unreachable,
    /// Its owner answered STOP to this sender.
    Unsubscribed,
    /// The carrier takes it for fraud.
    Fraud,
    /// The carrier has sent or checked enough for this number for now.
    CarrierLimit,
    /// The account may not send to this country.
    CountryOff,
    /// A trial account, and the number is not on its list.
    Trial,
    /// The sender is missing or not ours.
    Sender,
    /// Account or key is wrong.
    Credentials,
    /// The account or service is not there.
    NotFound,
    /// The receiver said it wants no more.
    Stopped,
    /// Something else of what we sent was refused.
    Refused,
    /// Too many at once.
    Busy,
    /// No connection, so nothing was sent.
    Away,
    /// An older code went out in place of this one.
    Stale,
}

impl RejectionKind {
    /// The name in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidNumber => "invalid_number",
            Self::Unreachable => "unreachable",
            Self::Unsubscribed => "unsubscribed",
            Self::Fraud => "fraud",
            Self::CarrierLimit => "carrier_limit",
            Self::CountryOff => "country_off",
            Self::Trial => "trial",
            Self::Sender => "sender",
            Self::Credentials => "credentials",
            Self::NotFound => "not_found",
            Self::Stopped => "stopped",
            Self::Refused => "refused",
            Self::Busy => "busy",
            Self::Away => "away",
            Self::Stale => "stale",
        }
    }

    /// False when the same message may be taken later.
    #[must_use]
    pub const fn is_permanent(self) -> bool {
        !matches!(self, Self::Busy | Self::Away | Self::Stale)
    }

    /// True when the fault lies with us or the carrier, so that it must not count against the number.
    #[must_use]
    pub const fn is_ours(self) -> bool {
        !matches!(self, Self::InvalidNumber | Self::Unreachable | Self::Unsubscribed | Self::Fraud | Self::CarrierLimit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_shows_neither_code_nor_number_nor_text() {
        let message = OtpMessage {
            id: "msg_1".into(),
            to: Phone::parse("+15005550006", None).unwrap(),
            code: Code::parse("424242").unwrap(),
            text: Text("424242 is your code".into()),
            template: "login",
            variables: Variables(vec![("code", "424242".into())]),
            locale: "en",
            purpose: Purpose::Login,
            expires_in: Duration::from_mins(5),
            previous: None,
        };
        let shown = format!("{message:?}");
        assert!(!shown.contains("4242") && !shown.contains("1500555"), "{shown}");
    }
}
