//! A write is data: a list of statements, some of them guarded, run as one transaction on either engine.

use std::sync::OnceLock;

use super::value::{FromRow, Row, Value};
use crate::error::{Error, Result};

/// One SQL text, written once in `?1` form.
#[derive(Debug)]
pub struct Sql {
    text: &'static str,
    postgres: OnceLock<String>,
    guarded: OnceLock<String>,
}

impl Sql {
    /// Wraps a text; made by `statements!` so that it is in the catalogue.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self { text, postgres: OnceLock::new(), guarded: OnceLock::new() }
    }

    /// The text for SQLite.
    #[must_use]
    pub fn sqlite(&self) -> &'static str {
        self.text
    }

    /// The text for PostgreSQL.
    #[must_use]
    pub fn postgres(&self) -> &str {
        self.postgres.get_or_init(|| self.text.replace('?', "$"))
    }

    /// The text for PostgreSQL that raises the refusal, its last parameter, when no row was changed.
    #[must_use]
    pub fn guarded(&self, parameters: usize) -> &str {
        self.guarded.get_or_init(|| {
            let refusal = parameters + 1;
            format!(
                "with guarded as ({} returning 1) select pollux_require((select count(*) from guarded), ${refusal})",
                self.postgres()
            )
        })
    }
}

/// Declares the statements of a file and lists them, so that a test can prepare every one on both engines.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)+) => {
        $($(#[$doc])* pub(super) static $name: $crate::storage::statement::Sql = $crate::storage::statement::Sql::new($text);)+

        /// Every statement of this file, by name.
        pub(super) const CATALOGUE: &[(&str, &$crate::storage::statement::Sql)] = &[$((stringify!($name), &$name),)+];
    };
}

/// Parameters of a statement, in order.
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::storage::value::Value::from($value)),*] };
}

pub(super) use {params, statements};

macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// Why a guarded statement, and with it the whole list, was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Refusal {
            $($(#[$doc])* $variant,)+
        }

        impl Refusal {
            const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name that PostgreSQL raises.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The name as a parameter that lives as long as the program.
            pub(super) fn name(self) -> &'static (dyn tokio_postgres::types::ToSql + Sync) {
                match self { $(Self::$variant => &$text,)+ }
            }
        }
    };
}

refusals! {
    /// No such thing, or not the owner's.
    NotFound = "not_found",
    /// The day's messages are used up.
    QuotaExceeded = "quota_exceeded",
    /// A reply to the message is pending or being written.
    ReplyRunning = "reply_running",
    /// The reply did not fail.
    ReplyNotFailed = "reply_not_failed",
    /// The idempotency key is taken by an earlier request.
    KeyTaken = "key_taken",
    /// The user has as many rooms as may be.
    RoomLimit = "room_limit",
    /// Somebody else holds the job now, or nobody does any more.
    LeaseLost = "lease_lost",
    /// The code was used, replaced or is over.
    CodeSpent = "code_spent",
    /// The password is not the one any more that was looked at.
    PasswordChanged = "password_changed",
    /// The password has been missed too often of late.
    TooManyMisses = "too_many_misses",
    /// The refresh token was used, or its session is over.
    TokenSpent = "token_spent",
    /// A code was sent to this number less than a minute ago.
    TooSoon = "too_soon",
    /// A cap on sending codes is reached.
    SendCapped = "send_capped",
    /// Something newer is stored already.
    Stale = "stale",
    /// The event was taken before.
    EventSeen = "event_seen",
    /// It is not time yet.
    NotDue = "not_due",
}

impl Refusal {
    /// The reverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|refusal| refusal.as_str() == text)
    }
}

/// One step of a write.
#[derive(Debug)]
pub struct Step {
    pub(super) sql: &'static Sql,
    pub(super) params: Vec<Value>,
    pub(super) guard: Option<Refusal>,
}

/// A list of steps that happen all or not at all.
#[derive(Debug, Default)]
pub struct Write {
    pub(super) steps: Vec<Step>,
    pub(super) serialised_by: Option<i64>,
}

impl Write {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets no two writes with this number run at the same time, on any process. For counts over rows that do not
    /// exist yet, which no row lock can hold. (SQLite has one writer, so there it is always so.)
    #[must_use]
    pub fn one_at_a_time(mut self, number: i64) -> Self {
        self.serialised_by = Some(number);
        self
    }

    /// A step that may change as many rows as it likes, or return some.
    #[must_use]
    pub fn then(mut self, sql: &'static Sql, params: Vec<Value>) -> Self {
        self.steps.push(Step { sql, params, guard: None });
        self
    }

    /// A step that must change a row, else everything is taken back and `refusal` is the answer.
    #[must_use]
    pub fn must(mut self, sql: &'static Sql, params: Vec<Value>, refusal: Refusal) -> Self {
        self.steps.push(Step { sql, params, guard: Some(refusal) });
        self
    }
}

/// The rows that each step of a write returned.
#[derive(Debug)]
pub struct Written(pub(super) Vec<Vec<Row>>);

impl Written {
    /// The rows of the last step.
    pub fn last<T: FromRow>(mut self) -> Result<Vec<T>> {
        self.0.pop().unwrap_or_default().into_iter().map(T::from_row).collect()
    }

    /// The rows of the step at `index`, once.
    pub fn take<T: FromRow>(&mut self, index: usize) -> Result<Vec<T>> {
        let rows = self.0.get_mut(index).map(std::mem::take).unwrap_or_default();
        rows.into_iter().map(T::from_row).collect()
    }
}

/// What a write may end in besides success.
#[derive(Debug)]
pub enum WriteError {
    /// A guard refused; nothing was changed.
    Refused(Refusal),
    /// The engine failed; on a lost answer to a commit the effect is unknown.
    Failed(Error),
}

impl WriteError {
    /// Turns refusals into what the caller is told, by the caller's own words for them.
    pub fn or(self, told: impl FnOnce(Refusal) -> Error) -> Error {
        match self {
            Self::Refused(refusal) => told(refusal),
            Self::Failed(error) => error,
        }
    }
}

impl From<WriteError> for Error {
    fn from(error: WriteError) -> Self {
        error.or(|refusal| match refusal {
            Refusal::NotFound => Self::not_found(),
            other => Self::internal(format!("a write was refused without anybody to be told: {}", other.as_str())),
        })
    }
}
