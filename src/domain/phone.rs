//! Phone numbers in E.164 form. Lengths and digits only: national plans change, and only a provider knows what can
//! be reached.

use std::fmt;

/// A number in its one normal form, `+` and 8-15 digits; never shown whole in a log.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

impl Phone {
    /// Reads a number as people write it: spaces, dashes, dots and brackets do not count; without a `+` it is taken
    /// with the default country code, or as an international number where none is set.
    pub fn parse(text: &str, default_country_code: Option<&str>) -> Result<Self, &'static str> {
        let bare: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
        let digits = match (bare.strip_prefix('+'), default_country_code) {
            (Some(international), _) => international.to_owned(),
            (None, Some(country)) => format!("{country}{}", bare.strip_prefix('0').unwrap_or(&bare)),
            (None, None) => bare,
        };
        let sound = (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        // No country code begins with a zero; `00` before one would be a second spelling, with limits of its own.
        if sound && !digits.starts_with('0') { Ok(Self(format!("+{digits}"))) } else { Err("phone_format") }
    }

    /// Wraps what storage kept.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The E.164 form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// All but the last four digits: numbers that are bought in one go share it.
    #[must_use]
    pub fn block(&self) -> &str {
        &self.0[..self.0.len() - 4]
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "…{}", &self.0[self.0.len() - 2..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<String> {
        Phone::parse(text, None).ok().map(|phone| phone.0)
    }

    #[test]
    fn spellings_of_one_number_are_one_number() {
        for text in ["+15005550006", "+1 500 555-0006", "1 (500) 555.0006", "15005550006"] {
            assert_eq!(parsed(text).as_deref(), Some("+15005550006"), "{text}");
        }
    }

    #[test]
    fn the_numbers_of_older_documents_are_taken() {
        for text in ["1234567890", "+1234567890", "8989898989"] {
            assert!(parsed(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let odd = [
            "",
            "+",
            "1234567",
            "1234567890123456",
            "0015005550006",
            "+015005550006",
            "12345678x9",
            "٠١٢٣٤٥٦٧٨٩",
            "１２３４５６７８９",
            "++15005550006",
        ];
        let more =
            ["+1500555,0006", "15005550006;15005550007", "15005550006 x12", "15\u{a0}005550006", "+15005550006\n"];
        for text in odd.into_iter().chain(more) {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn a_default_country_completes_national_numbers() {
        let read = |text| Phone::parse(text, Some("91")).unwrap().0;
        assert_eq!(read("98989 89898"), "+919898989898");
        assert_eq!(read("098989 89898"), "+919898989898");
        assert_eq!(read("+15005550006"), "+15005550006");
    }

    #[test]
    fn a_log_shows_two_digits() {
        assert_eq!(format!("{:?}", Phone::parse("+15005550006", None).unwrap()), "…06");
    }
}
