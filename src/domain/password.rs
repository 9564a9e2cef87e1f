//! Passwords: how long, which are too common, and how many misses a number bears.

use std::time::Duration;

use passwords::analyzer::is_common_password;
use secrecy::{ExposeSecret, SecretString};

use super::phone::Phone;
use super::text::Broken;

/// Misses in [`MISS_WINDOW`] from one address on one number; from as many on a number in all, further ones wait.
pub const MISSES: i64 = 10;
/// The span in which an address's misses on a number are counted.
pub const MISS_WINDOW: Duration = Duration::from_mins(15);
/// How long a miss counts toward the delay of its number.
pub const MISSES_KEPT: Duration = Duration::from_hours(24);
/// The first delay of a number; each further miss doubles it.
pub const FIRST_DELAY: Duration = Duration::from_secs(30);
/// The longest delay: no number is ever locked for good.
pub const LONGEST_DELAY: Duration = Duration::from_hours(1);
/// Misses beyond [`MISSES`] after which the delay is the longest.
pub const DOUBLINGS: i64 = 7;
/// How long after a sign-in by code its session may set a password without naming the old one.
pub const FRESH: Duration = Duration::from_mins(5);

const BYTES_MAX: usize = 512;
const CHARACTERS: std::ops::RangeInclusive<usize> = 8..=128;
/// What many people hang on a word to make a password of it, besides years and marks.
const TAILS: [&str; 8] = ["1", "2", "12", "21", "123", "1234", "12345", "123456"];
const MARKS: [char; 8] = ['!', '@', '#', '$', '*', '.', '_', '-'];

/// A password as somebody claims it, to be compared byte for byte.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

/// A password to be set, which keeps the rules for new ones.
#[derive(Clone, Debug)]
pub struct NewPassword(Password);

impl Password {
    /// Takes 1-512 bytes without NUL, and changes none of them.
    pub fn parse(text: &str) -> Result<Self, Broken> {
        match text.len() {
            0 => Err("password_short"),
            1..=BYTES_MAX if text.contains('\0') => Err("control_character"),
            1..=BYTES_MAX => Ok(Self(text.into())),
            _ => Err("password_long"),
        }
    }

    /// The bytes as sent.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

impl NewPassword {
    /// Takes 8-128 characters of any kind but NUL that are not among the first that anybody would guess.
    pub fn parse(text: &str) -> Result<Self, Broken> {
        let characters = text.chars().count();
        if characters < *CHARACTERS.start() {
            return Err("password_short");
        }
        if characters > *CHARACTERS.end() {
            return Err("password_long");
        }
        let password = Password::parse(text)?;
        if is_common(text) { Err("password_common") } else { Ok(Self(password)) }
    }

    /// True when it is the number of its owner, however that is written.
    #[must_use]
    pub fn is_number(&self, phone: &Phone) -> bool {
        let text = self.0.0.expose_secret();
        let bare: String = text.chars().filter(|c| !matches!(c, '+' | ' ' | '-' | '.' | '(' | ')')).collect();
        let national = bare.trim_start_matches('0');
        national.len() >= *CHARACTERS.start() && phone.as_str().ends_with(national)
    }

    /// The bytes as sent.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }
}

/// On the list, in any case of letters, or made of one on the list by a usual tail; or one character over and over.
fn is_common(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next();
    if characters.all(|other| Some(other) == first) {
        return true;
    }
    let lower = text.to_lowercase();
    let unmarked = lower.trim_end_matches(MARKS);
    [text, &lower, unmarked, without_tail(unmarked)].into_iter().any(is_common_password)
}

/// A word without the digits that stand for «and a number, because one was asked for».
fn without_tail(text: &str) -> &str {
    let word = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &text[word.len()..];
    let is_year = digits.len() == 4 && (digits.starts_with("19") || digits.starts_with("20"));
    if is_year || TAILS.contains(&digits) { word.trim_end_matches(MARKS) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str) -> Result<(), Broken> {
        NewPassword::parse(text).map(|_| ())
    }

    #[test]
    fn lengths_are_counted_in_characters_and_at_most_512_bytes() {
        for good in ["xk3vq9zt", "🐋🦑🐙🦀🐡🐠🐟🐬", "pässwörtér-füchse", &"🐋🦑".repeat(64), &"ab".repeat(64)]
        {
            assert_eq!(verdict(good), Ok(()), "{good}");
        }
        for short in ["", "xk3vq9z", "🐋🦑🐙🦀🐡🐠🐟"] {
            assert_eq!(verdict(short), Err("password_short"), "{short}");
        }
        for long in ["ab".repeat(64) + "c", "🐋".repeat(129), "x".repeat(60_000)] {
            assert_eq!(verdict(&long), Err("password_long"));
        }
    }

    #[test]
    fn any_character_is_kept_as_sent_but_nul() {
        for text in ["  xk3vq9zt  ", "xk3v\tq9\nzt", "\u{202e}xk3vq9zt", "e\u{301}tude-xk3v", "étude-xk3v", "        x"]
        {
            assert_eq!(NewPassword::parse(text).unwrap().bytes(), text.as_bytes());
            assert_eq!(Password::parse(text).unwrap().bytes(), text.as_bytes());
        }
        assert_eq!(verdict("xk3v\0q9zt"), Err("control_character"));
        assert_eq!(Password::parse("xk3v\0q9zt").map(|_| ()), Err("control_character"));
    }

    #[test]
    fn a_claimed_password_has_1_to_512_bytes() {
        assert!(Password::parse("x").is_ok() && Password::parse(&"🐋".repeat(128)).is_ok());
        assert_eq!(Password::parse("").map(|_| ()), Err("password_short"));
        assert_eq!(Password::parse(&"x".repeat(513)).map(|_| ()), Err("password_long"));
    }

    #[test]
    fn a_hundred_passwords_that_everybody_knows_are_refused() {
        let known = "password 12345678 123456789 1234567890 baseball football qwertyuiop superman 1qaz2wsx trustno1 \
            sunshine iloveyou computer starwars princess 11111111 00000000 88888888 1234qwer internet samantha whatever \
            mercedes qwer1234 midnight bigdaddy password1 password123 password12 1q2w3e4r 1q2w3e4r5t q1w2e3r4 cocacola \
            asdfasdf 12344321 qwerty123 passw0rd abcd1234 slipknot startrek asdfghjkl asdfghjk liverpool qazwsxedc \
            mountain elephant creative garfield 1qazxsw2 brooklyn godzilla darkness blink182 platinum 11223344 12qwaszx \
            snowball nintendo pakistan explorer lasvegas 789456123 147258369 asdf1234 babygirl michigan carolina \
            metallica snickers paradise qweasdzxc einstein champion security zaq12wsx 123456789a scotland cherokee \
            simpsons vladimir passport letmein1 welcome1 dragon123 monkey123 abc12345 abcdefgh abcdefg1 aaaaaaaa 987654321 \
            87654321 123123123 qwerty12 qwertyui football1 baseball1 princess1 sunshine1 iloveyou1 charlie1 michael1 \
            jennifer jonathan victoria welcome123 admin123 123qweasd q1w2e3r4t5 iloveyou2 a1234567 11112222 12341234";
        assert!(known.split_whitespace().count() >= 100);
        for word in known.split_whitespace() {
            assert_eq!(verdict(word), Err("password_common"), "{word}");
        }
    }

    #[test]
    fn what_only_looks_different_from_a_common_one_is_refused() {
        let made = [
            "PASSWORD",
            "Password!",
            "Password1!",
            "P@ssw0rd1",
            "Sunshine2024",
            "Welcome@123",
            "Liverpool#1",
            "🐋🐋🐋🐋🐋🐋🐋🐋",
            "Dragon1!",
        ];
        for text in made {
            assert_eq!(verdict(text), Err("password_common"), "{text}");
        }
        for text in ["correct horse battery staple", "sunshine8417", "mxkrtvbn1", "Liverpool beat Everton"] {
            assert_eq!(verdict(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn the_number_of_the_owner_is_found_however_it_is_written() {
        let phone = Phone::parse("+919898989898", None).unwrap();
        let is_number = |text: &str| NewPassword::parse(text).is_ok_and(|password| password.is_number(&phone));
        for text in ["+919898989898", "919898989898", "+91 98989-89898", "09898989898", "9898989898", "(0) 98989.89898"]
        {
            assert!(is_number(text) || verdict(text).is_err(), "{text}");
        }
        for text in ["+919898989899", "x919898989898", "98989898 and more"] {
            assert!(!is_number(text), "{text}");
        }
    }
}
