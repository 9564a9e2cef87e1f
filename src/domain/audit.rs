//! Security events: what happened to the safety of an account, told without a word that a person or a stranger wrote.

use std::time::Duration;

use super::ids::{EventId, SessionId, UserId};
use super::phone::Phone;
use super::time::Timestamp;

/// How long events are kept.
pub const KEPT: Duration = Duration::from_hours(90 * 24);

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// The kinds of events; a closed list, so that alarms can be set on names that stay.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind {
            $($(#[$doc])* $variant,)+
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name in the store and in the log.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

kinds! {
    /// A right code began a session.
    SignedInByCode = "signed_in_by_code",
    /// A right password began a session.
    SignedInByPassword = "signed_in_by_password",
    /// A code that was guessed at is not right.
    GuessRefused = "guess_refused",
    /// A password is not right.
    PasswordRefused = "password_refused",
    /// Many misses on a number: codes for it pause for clients that are not known.
    CodeLoginPaused = "code_login_paused",
    /// One session was ended by its user, or by a newer one because there were too many.
    SessionEnded = "session_ended",
    /// All sessions but the one that asked were ended.
    OtherSessionsEnded = "other_sessions_ended",
    /// All sessions were ended.
    AllSessionsEnded = "all_sessions_ended",
    /// A refresh token came again so soon that its successor was given again.
    RefreshTokenRepeated = "refresh_token_repeated",
    /// A refresh token came again too late: its session was ended.
    RefreshTokenReused = "refresh_token_reused",
    /// An account got its first password.
    PasswordSet = "password_set",
    /// A password was replaced by somebody signed in.
    PasswordChanged = "password_changed",
    /// A password was replaced by a code.
    PasswordReset = "password_reset",
    /// An account was closed.
    AccountClosed = "account_closed",
    /// A subscription is to something that is not sold here.
    ForeignPrice = "foreign_price",
    /// A subscription is of the payment provider's other mode.
    ForeignMode = "foreign_mode",
    /// A payment names an account, but its customer was not made for it.
    ForeignCustomer = "foreign_customer",
}

impl Kind {
    /// True for what an operator may have to look into.
    #[must_use]
    pub const fn is_suspicious(self) -> bool {
        matches!(
            self,
            Self::GuessRefused
                | Self::PasswordRefused
                | Self::CodeLoginPaused
                | Self::RefreshTokenReused
                | Self::ForeignPrice
                | Self::ForeignMode
                | Self::ForeignCustomer
        )
    }
}

/// Whose account an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Nobody's that is known.
    Nobody,
    /// That user's.
    User(UserId),
    /// That of the number, if it has one.
    Number(Phone),
}

/// One event. What it says beside ids is a keyed name or a constant of ours.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// What happened.
    pub kind: Kind,
    /// To whom.
    pub whose: Whose,
    /// In which session.
    pub session_id: Option<SessionId>,
    /// From where: the keyed name of the client's network, never the address.
    pub address: Option<String>,
    /// What else there is to know, in words that stand in the source.
    pub detail: Option<&'static str>,
    /// When.
    pub at: Timestamp,
}

impl Event {
    /// An event of which only the kind and the time are known.
    #[must_use]
    pub fn new(kind: Kind, at: Timestamp) -> Self {
        Self { id: EventId::new(at), kind, whose: Whose::Nobody, session_id: None, address: None, detail: None, at }
    }

    /// Says to which user it happened.
    #[must_use]
    pub fn of(self, user: UserId) -> Self {
        Self { whose: Whose::User(user), ..self }
    }

    /// Says to the owner of which number it happened, whether or not there is an account.
    #[must_use]
    pub fn of_number(self, phone: &Phone) -> Self {
        Self { whose: Whose::Number(phone.clone()), ..self }
    }

    /// Says in which session it happened.
    #[must_use]
    pub fn in_session(self, session: SessionId) -> Self {
        Self { session_id: Some(session), ..self }
    }

    /// Says from where it came, by the keyed name of an address.
    #[must_use]
    pub fn from(self, address: String) -> Self {
        Self { address: Some(address), ..self }
    }

    /// Says more, in words that stand in the source.
    #[must_use]
    pub fn because(self, detail: &'static str) -> Self {
        Self { detail: Some(detail), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_kinds_are_unique() {
        let names: std::collections::BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
    }
}
