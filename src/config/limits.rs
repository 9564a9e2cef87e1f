//! How much one person or one address may ask for.

use std::num::NonZeroU32;

use super::names::{self, Setting};
use super::reader::Reader;

/// Limits by address and user; `None` is off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Codes sent for one address in an hour.
    pub otp_sends_per_address_hour: Option<NonZeroU32>,
    /// Codes sent in all in an hour.
    pub otp_sends_per_hour: Option<NonZeroU32>,
    /// Codes checked for one address in five minutes.
    pub otp_checks_per_address_5min: Option<NonZeroU32>,
    /// Requests of one user in a minute.
    pub user_requests_per_minute: Option<NonZeroU32>,
    /// Messages of one user in a minute, on any plan.
    pub user_sends_per_minute: Option<NonZeroU32>,
    /// Connections of one address at once.
    pub connections_per_address: Option<NonZeroU32>,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Limits {
    let mut limit = |setting: Setting, default| NonZeroU32::new(reader.number(setting, 0..=1_000_000, default));
    Limits {
        otp_sends_per_address_hour: limit(names::OTP_SENDS_PER_ADDRESS_HOUR, 20),
        otp_sends_per_hour: limit(names::OTP_SENDS_PER_HOUR, 1_000),
        otp_checks_per_address_5min: limit(names::OTP_CHECKS_PER_ADDRESS_5MIN, 30),
        user_requests_per_minute: limit(names::USER_REQUESTS_PER_MINUTE, 120),
        user_sends_per_minute: limit(names::USER_SENDS_PER_MINUTE, 30),
        connections_per_address: limit(names::CONNECTIONS_PER_ADDRESS, 200),
    }
}
