//! The table of names: each setting, and the names it is read from. The first that is set wins.

/// The names of one setting, the preferred one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting(pub &'static [&'static str]);

impl Setting {
    /// The preferred name, for telling what to set.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0[0]
    }
}

macro_rules! settings {
    ($($id:ident $(or $($alias:ident)+)?,)+) => {
        $(pub(super) const $id: Setting = Setting(&[stringify!($id) $($(, stringify!($alias))+)?]);)+

        /// Every setting that is read.
        pub const ALL: &[Setting] = &[$($id,)+];
    };
}

settings! {
    HOST,
    PORT,
    METRICS_HOST,
    METRICS_PORT,
    PUBLIC_URL,
    ALLOWED_HOSTS,
    TRUSTED_PROXIES,
    CORS_ORIGINS,
    DOCS,
    DATA_DIR,

    DATABASE_URL,
    DB_HOST,
    DB_PORT,
    DB_NAME,
    DB_USER,
    DB_PASSWORD,
    REDIS_URL,
    REDIS_HOST,
    REDIS_PORT,
    REDIS_PASSWORD,
    REDIS_DB,
    REDIS_PREFIX,

    JWT_SECRET or SECRET_KEY,
    JWT_SECRET_PREVIOUS,
    JWT_ALGORITHM or ALGORITHM,
    JWT_EXPIRATION_HOURS or ACCESS_TOKEN_EXPIRE_MINUTES,
    REFRESH_GRACE_SECONDS,

    OTP_EXPIRATION_MINUTES,
    CODE_DELIVERY,
    TWILIO_ACCOUNT_SID,
    TWILIO_AUTH_TOKEN,
    TWILIO_API_KEY,
    TWILIO_API_SECRET,
    TWILIO_MESSAGING_SERVICE_SID,
    TWILIO_FROM or TWILIO_FROM_NUMBER TWILIO_PHONE_NUMBER,
    TWILIO_VERIFY_SERVICE_SID,
    TWILIO_API_BASE,
    SMS_WEBHOOK_URL,
    SMS_WEBHOOK_SECRET,
    SMS_COUNTRIES,
    SMS_SERVICE_NAME,
    DEFAULT_COUNTRY_CODE,

    GEMINI_API_KEY or GOOGLE_API_KEY,
    GEMINI_MODEL,
    GEMINI_MODEL_PRO,
    GEMINI_BASE_URL,
    DEMO_REPLY_MS,

    PAYMENTS,
    STRIPE_SECRET_KEY or STRIPE_TEST_SECRET_KEY,
    STRIPE_WEBHOOK_SECRET,
    STRIPE_PRICE_ID_PRO or STRIPE_PRO_PRICE_ID STRIPE_TEST_PRICE_ID_PRO,
    STRIPE_SUCCESS_URL,
    STRIPE_CANCEL_URL,
    FRONTEND_URL,
    STRIPE_API_BASE,
    STRIPE_GRACE_DAYS,

    BASIC_TIER_DAILY_LIMIT or BASIC_DAILY_LIMIT,
    OTP_SENDS_PER_ADDRESS_HOUR,
    OTP_SENDS_PER_HOUR,
    OTP_CHECKS_PER_ADDRESS_5MIN,
    USER_REQUESTS_PER_MINUTE,
    USER_SENDS_PER_MINUTE,
    CONNECTIONS_PER_ADDRESS,
    CACHE_TTL_SECONDS,
    WORKER_CONCURRENCY,
    ALLOW_DEMO,
}

/// Names that other systems' files carry and that decide nothing here.
pub const NOT_NEEDED: &[&str] =
    &["APP_NAME", "DEBUG", "REDIS_SSL", "STRIPE_PUBLISHABLE_KEY", "STRIPE_TEST_PUBLISHABLE_KEY"];

/// How further names begin that decide nothing here.
pub const NOT_NEEDED_PREFIX: &str = "CELERY_";

/// True for a name that is accepted and decides nothing.
#[must_use]
pub fn is_not_needed(name: &str) -> bool {
    NOT_NEEDED.contains(&name) || name.starts_with(NOT_NEEDED_PREFIX)
}

/// True for a name that is read, so that a misspelt one can be pointed out.
#[must_use]
pub fn is_read(name: &str) -> bool {
    ALL.iter().any(|setting| setting.0.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_belongs_to_two_settings() {
        let names: Vec<_> = ALL.iter().flat_map(|setting| setting.0).collect();
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(names.len(), distinct.len());
        assert!(!names.iter().any(|name| is_not_needed(name)));
    }
}
