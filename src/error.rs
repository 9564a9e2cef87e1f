//! The one error of the house: which code the caller is told, whether trying again may help, and what really
//! happened, for the log alone.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// What a fallible step of ours returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure, small enough to travel in every `Result`.
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    detail: Cow<'static, str>,
    flaws: Vec<Flaw>,
    retry_after: Option<Duration>,
    limit: Option<LimitState>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// The stable names of what can go wrong; each has a page under `/problems/`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)+
        }

        impl Code {
            /// Every code, in the order of its page.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

codes! {
    /// Not a valid HTTP request or target.
    MalformedRequest = "malformed_request",
    /// The body is not one JSON value we can read.
    InvalidJson = "invalid_json",
    /// The cursor was not made by us for this user and list.
    InvalidCursor = "invalid_cursor",
    /// The key is empty, too long, repeated or not visible ASCII.
    IdempotencyKeyInvalid = "idempotency_key_invalid",
    /// No valid signature, or too old.
    WebhookSignatureInvalid = "webhook_signature_invalid",
    /// Signed, but not an event we can store.
    WebhookPayloadInvalid = "webhook_payload_invalid",
    /// No bearer token.
    AuthenticationRequired = "authentication_required",
    /// The token is not ours or not for this use.
    TokenInvalid = "token_invalid",
    /// Ours, but its time is over.
    TokenExpired = "token_expired",
    /// Signed out, revoked or closed.
    SessionEnded = "session_ended",
    /// Code wrong, old, used or not for this request.
    OtpInvalid = "otp_invalid",
    /// Unknown, expired or of an ended session.
    RefreshTokenInvalid = "refresh_token_invalid",
    /// Seen before: the session has been ended.
    RefreshTokenReused = "refresh_token_reused",
    /// Number or password wrong.
    CredentialsInvalid = "credentials_invalid",
    /// Give the password or a fresh code first.
    ReauthenticationRequired = "reauthentication_required",
    /// No such thing, or not yours.
    NotFound = "not_found",
    /// The path is known, the method is not.
    MethodNotAllowed = "method_not_allowed",
    /// We cannot answer in that media type.
    NotAcceptable = "not_acceptable",
    /// The body did not arrive in time.
    RequestTimeout = "request_timeout",
    /// The first request with this key is still running.
    IdempotencyInProgress = "idempotency_in_progress",
    /// A reply of this message is running.
    ReplyInProgress = "reply_in_progress",
    /// Only a failed reply can be retried.
    ReplyNotFailed = "reply_not_failed",
    /// Too many rooms.
    RoomLimitReached = "room_limit_reached",
    /// The account is Pro already, or about to be.
    AlreadySubscribed = "already_subscribed",
    /// Over the limit of this route.
    BodyTooLarge = "body_too_large",
    /// Target over 8 KiB.
    UriTooLong = "uri_too_long",
    /// Send application/json in UTF-8, without a content coding.
    UnsupportedMediaType = "unsupported_media_type",
    /// This host is not served here.
    MisdirectedRequest = "misdirected_request",
    /// One or more members are wrong.
    ValidationFailed = "validation_failed",
    /// Same key, other body.
    IdempotencyKeyReused = "idempotency_key_reused",
    /// The day's messages are used up.
    QuotaExceeded = "quota_exceeded",
    /// Too fast.
    RateLimited = "rate_limited",
    /// A code was sent less than a minute ago.
    OtpResendTooSoon = "otp_resend_too_soon",
    /// No more codes for now.
    OtpSendLimited = "otp_send_limited",
    /// This code has had its guesses.
    OtpAttemptsExceeded = "otp_attempts_exceeded",
    /// Head too large.
    HeadersTooLarge = "headers_too_large",
    /// Our fault.
    Internal = "internal",
    /// The payment provider failed; nothing changed.
    PaymentProviderError = "payment_provider_error",
    /// Subscriptions are switched off here.
    BillingNotConfigured = "billing_not_configured",
    /// A dependency is away.
    Unavailable = "unavailable",
    /// Too much work waiting.
    Overloaded = "overloaded",
}

/// One wrong member of a body or query: where, and which rule it broke. Never the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// A JSON pointer to the member, or the query key with a leading `?`.
    pub pointer: String,
    /// The broken rule, in `snake_case`.
    pub code: &'static str,
}

/// How a limit stood when it refused, or let through, a request: the `RateLimit` headers are made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitState {
    /// The policy's name on the wire.
    pub policy: &'static str,
    /// How many are allowed in a window.
    pub quota: u64,
    /// How long a window lasts.
    pub window: Duration,
    /// How many are left.
    pub remaining: u64,
    /// When more come.
    pub resets_in: Duration,
}

impl Error {
    /// An error the caller is told about, in a sentence a person can read.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            code,
            detail: detail.into(),
            flaws: Vec::new(),
            retry_after: None,
            limit: None,
            source: None,
        }))
    }

    /// Our own fault; the caller learns nothing but that.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Code::Internal, "Something went wrong on our side.").caused_by(source)
    }

    /// A part we depend on is away; the same request may succeed soon.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Code::Unavailable, "A part of this service is away for a moment. Please try again.")
            .retry_after(Duration::from_secs(2))
            .caused_by(source)
    }

    /// Nothing of that name, or nothing of yours: the two are told apart by nobody.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is no such thing here.")
    }

    /// One member is wrong.
    pub fn invalid(pointer: impl Into<String>, code: &'static str) -> Self {
        Self::invalid_all(vec![Flaw { pointer: pointer.into(), code }])
    }

    /// Several members are wrong.
    #[must_use]
    pub fn invalid_all(flaws: Vec<Flaw>) -> Self {
        let mut error = Self::new(Code::ValidationFailed, "Some of what was sent can't be accepted; see errors.");
        error.0.flaws = flaws;
        error
    }

    /// Says when trying again makes sense.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Says which limit refused.
    #[must_use]
    pub fn limited_by(mut self, limit: LimitState) -> Self {
        self.0.retry_after = self.0.retry_after.or(Some(limit.resets_in));
        self.0.limit = Some(limit);
        self
    }

    /// Keeps what really happened, for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The stable name of what went wrong.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The sentence for a person.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The wrong members, where that is the error.
    #[must_use]
    pub fn flaws(&self) -> &[Flaw] {
        &self.0.flaws
    }

    /// When to try again, where that is known.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The limit that refused, where one did.
    #[must_use]
    pub fn limit(&self) -> Option<LimitState> {
        self.0.limit
    }

    /// True when the same step may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.0.code, Code::Unavailable | Code::Overloaded)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("code", &self.0.code.as_str())
            .field("flaws", &self.0.flaws)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.as_str(), self.0.detail)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
