//! One-time codes: how long, how often, how many guesses.

use std::time::Duration;

use rand::TryRng;
use rand::rngs::SysRng;

/// Guesses a code has.
pub const GUESSES: i64 = 5;
/// Misses on a number, over [`MISSES_KEPT`], from which on its codes are longer.
pub const MISSES_UNTIL_LONG: i64 = 10;
/// At each this many misses on a number, text log-in pauses for clients without a device token.
pub const MISSES_UNTIL_PAUSE: i64 = 100;
/// How long such a pause lasts.
pub const PAUSE: Duration = Duration::from_hours(24);
/// How long a miss counts; a success does not clear it.
pub const MISSES_KEPT: Duration = Duration::from_hours(30 * 24);
/// The shortest time between two codes for a number.
pub const SPACING: Duration = Duration::from_mins(1);
/// Codes of a number that can be used at one time; a further one replaces the oldest.
pub const LIVE_AT_ONCE: i64 = 3;

/// Sends to a country within [`CONVERSION_WINDOW`] from which on it is asked how many of their codes came back.
pub const CONVERSION_SENDS: i64 = 100;
/// One code in so many must come back, else somebody has texts sent for the money in them.
pub const CONVERSION_SHARE: i64 = 10;
/// How far back sends to a country are looked at.
pub const CONVERSION_WINDOW: Duration = Duration::from_mins(10);
/// Codes this young do not count as not come back: they may still be on their way, or being typed.
pub const TYPING_TIME: Duration = Duration::from_secs(30);
/// How long a country pauses.
pub const COUNTRY_PAUSE: Duration = Duration::from_mins(30);

/// Codes that a number's known clients may ask for beyond its caps.
const RESERVE: i64 = 2;

/// The caps on sending, each a number of codes within a time.
#[derive(Clone, Copy, Debug)]
pub struct SendCaps {
    /// For one number, in an hour.
    pub phone_hour: i64,
    /// For one number, in a day.
    pub phone_day: i64,
    /// For one client address, in an hour.
    pub address_hour: i64,
    /// For all numbers that differ in the last four digits only, in an hour.
    pub block_hour: i64,
    /// For everybody, in an hour.
    pub global_hour: i64,
}

impl Default for SendCaps {
    fn default() -> Self {
        Self { phone_hour: 5, phone_day: 10, address_hour: 20, block_hour: 50, global_hour: 1_000 }
    }
}

impl SendCaps {
    /// The caps with the reserve of a number's known clients on top.
    #[must_use]
    pub const fn with_reserve(self) -> Self {
        Self { phone_hour: self.phone_hour + RESERVE, phone_day: self.phone_day + RESERVE, ..self }
    }
}

/// What a code may be used for, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To sign in.
    Login,
    /// To confirm a step that needs fresh proof.
    Confirm,
    /// To set a new password.
    Reset,
}

impl Purpose {
    /// The reverse of [`Self::as_str`].
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::Login, Self::Confirm, Self::Reset].into_iter().find(|purpose| purpose.as_str() == text)
    }

    /// The text that storage keeps and the code's digest covers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Confirm => "confirm",
            Self::Reset => "reset",
        }
    }
}

/// How far a text has come, as far as its carrier tells. It only moves on, so a report that comes late or twice changes
/// nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delivery {
    /// The carrier has it.
    Accepted,
    /// It is on its way to the phone.
    Sent,
    /// It came to the phone.
    Delivered,
    /// It did not come to the phone.
    Undelivered,
    /// The carrier gave it up.
    Failed,
}

impl Delivery {
    /// The text that storage keeps and metrics show.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
        }
    }

    /// The stage it stands for; the last three are one stage, which nothing follows.
    #[must_use]
    pub const fn stage(self) -> i64 {
        match self {
            Self::Accepted => 1,
            Self::Sent => 2,
            Self::Delivered | Self::Undelivered | Self::Failed => 3,
        }
    }
}

/// A code of ASCII digits; it has no Debug that shows them.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    /// Takes 6 or 8 ASCII digits.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let sound = matches!(text.len(), 6 | 8) && text.bytes().all(|b| b.is_ascii_digit());
        if sound { Ok(Self(text.to_owned())) } else { Err("otp_format") }
    }

    /// Draws a code from the operating system's generator, every one as likely as any other.
    pub fn draw(digits: usize) -> Result<Self, rand::rngs::SysError> {
        let bound = 10_u64.pow(u32::try_from(digits).unwrap_or(8));
        let fair = u64::MAX - u64::MAX % bound;
        loop {
            let number = SysRng.try_next_u64()?;
            if number < fair {
                return Ok(Self(format!("{:0digits$}", number % bound)));
            }
        }
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Code({} digits)", self.0.len())
    }
}

/// How many digits the next code of a number has after so many misses.
#[must_use]
pub const fn digits_after(misses: i64) -> usize {
    if misses >= MISSES_UNTIL_LONG { 8 } else { 6 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_six_or_eight_ascii_digits() {
        for text in ["123456", "00000000"] {
            assert!(Code::parse(text).is_ok());
        }
        for text in ["", "12345", "1234567", "12 456", "１２３４５６", "12345a", "-12345", "123456\n"] {
            assert!(Code::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_digit_comes_as_often_as_any_other_at_every_place() {
        const DRAWS: u32 = 100_000;
        let mut counts = [[0_u32; 10]; 6];
        for _ in 0..DRAWS {
            for (place, digit) in Code::draw(6).unwrap().as_str().bytes().enumerate() {
                counts[place][usize::from(digit - b'0')] += 1;
            }
        }
        for place in counts {
            let expected = f64::from(DRAWS) / 10.0;
            let chi_square: f64 = place.iter().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum();
            // 9 degrees of freedom; a fair draw passes this bound but once in a million.
            assert!(chi_square < 45.1, "chi-square {chi_square}");
        }
    }

    #[test]
    fn neighbouring_digits_do_not_know_of_each_other() {
        const DRAWS: u32 = 100_000;
        let mut counts = [[0_u32; 100]; 5];
        for _ in 0..DRAWS {
            let code = Code::draw(6).unwrap();
            for (place, pair) in code.as_str().as_bytes().windows(2).enumerate() {
                counts[place][usize::from(pair[0] - b'0') * 10 + usize::from(pair[1] - b'0')] += 1;
            }
        }
        for place in counts {
            let expected = f64::from(DRAWS) / 100.0;
            let chi_square: f64 = place.iter().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum();
            // 99 degrees of freedom; a fair draw passes this bound but once in a million.
            assert!(chi_square < 178.0, "chi-square {chi_square}");
        }
    }

    #[test]
    fn codes_grow_after_ten_misses() {
        assert_eq!(digits_after(9), 6);
        assert_eq!(digits_after(10), 8);
    }
}
