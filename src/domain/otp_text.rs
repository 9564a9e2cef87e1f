//! The words that a code travels in: short, so that one part of a message holds them; the code first, then whose it is,
//! how long it lives and a warning; and the host it belongs to, which browsers fill it in by.

use std::time::Duration;

use super::locale::Locale;
use super::otp::Code;

/// The name of the words below. Carriers that send approved texts alone know them by it, so it changes with any word.
pub const TEMPLATE: &str = "code_v1";
/// The longest name of a service, in characters: with it every text still fits.
pub const MAX_SERVICE: usize = 20;
/// What one part of a message holds where every character is in the phone's own alphabet.
const PART_GSM: usize = 160;
/// What one part holds otherwise.
const PART_UCS: usize = 70;

/// What a text says.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// The code.
    pub code: &'a Code,
    /// What the service is called.
    pub service: &'a str,
    /// The host that the code may be typed in at, where it has one.
    pub host: Option<&'a str>,
    /// How long the code is still good.
    pub life: Duration,
}

impl Content<'_> {
    /// The text in a language: the longest form that one part holds.
    #[must_use]
    pub fn text(&self, locale: Locale) -> String {
        let words = words(locale)
            .replace("{code}", self.code.as_str())
            .replace("{service}", self.service)
            .replace("{minutes}", &self.minutes().to_string());
        let bound = self.host.map(|host| format!("{words}\n@{host} #{}", self.code.as_str()));
        let short = format!("{} {}", self.code.as_str(), self.service);
        bound.into_iter().chain([words]).find(|text| fits(text)).unwrap_or(short)
    }

    /// The values in the template's places, by name.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("code", self.code.as_str().to_owned()),
            ("service", self.service.to_owned()),
            ("minutes", self.minutes().to_string()),
        ];
        variables.extend(self.host.map(|host| ("host", host.to_owned())));
        variables
    }

    /// Begun minutes count whole.
    fn minutes(&self) -> u64 {
        self.life.as_secs().div_ceil(60).max(1)
    }
}

const fn words(locale: Locale) -> &'static str {
    match locale {
        Locale::Ar => "{code} هو رمز {service}. صالح {minutes} دقيقة. لا تشاركه.",
        Locale::De => "{code} ist dein Code für {service}. Er gilt {minutes} Min. Gib ihn nicht weiter.",
        Locale::En => "{code} is your {service} code. It expires in {minutes} min. Do not share it.",
        Locale::Es => "{code} es tu clave de {service}. Caduca en {minutes} min. No la compartas.",
        Locale::Fr => "{code} est votre code {service}. Il expire dans {minutes} min. Ne le partagez pas.",
        Locale::Hi => "{code} {service} कोड। {minutes} मिनट मान्य। किसी को न बताएं।",
        Locale::Ja => "{code} {service}の認証コード。{minutes}分間有効。他人に教えないでください。",
        Locale::Pt => "{code} é a sua chave do {service}. Vale por {minutes} min. Nunca compartilhe.",
    }
}

/// True when one part of a message holds the text.
#[must_use]
pub fn fits(text: &str) -> bool {
    match gsm_units(text) {
        Some(units) => units <= PART_GSM,
        None => text.encode_utf16().count() <= PART_UCS,
    }
}

/// The length of a text in the phones' own 7-bit alphabet; none when a character is not in it.
#[must_use]
pub fn gsm_units(text: &str) -> Option<usize> {
    const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
    const ESCAPED: &str = "\u{c}^{}\\[~]|€";
    text.chars().try_fold(0, |units, char| match char {
        _ if BASIC.contains(char) => Some(units + 1),
        _ if ESCAPED.contains(char) => Some(units + 2),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(locale: Locale, service: &str, host: Option<&str>) -> String {
        let code = Code::parse("12345678").unwrap();
        Content { code: &code, service, host, life: Duration::from_hours(1) }.text(locale)
    }

    #[test]
    fn every_language_says_all_of_it_in_one_part_even_at_its_longest() {
        for locale in Locale::ALL {
            let text = text(locale, "Twenty Characters Ab", None);
            assert!(fits(&text), "{}: {text}", locale.as_str());
            assert!(text.starts_with("12345678 "), "{text}");
            assert!(text.contains("Twenty Characters Ab") && text.contains("60"), "{text}");
            assert!(!text.contains('{') && !text.contains("http"), "{text}");
        }
    }

    #[test]
    fn languages_of_the_phones_alphabet_use_nothing_outside_it() {
        for locale in [Locale::De, Locale::En, Locale::Es, Locale::Fr, Locale::Pt] {
            let text = text(locale, "Pollux", Some("app.example.com"));
            assert!(gsm_units(&text).is_some_and(|units| units <= 160), "{text}");
            assert_eq!(text.lines().last(), Some("@app.example.com #12345678"));
        }
    }

    #[test]
    fn the_host_is_left_out_where_it_does_not_fit() {
        let long = format!("{}.example.com", "a".repeat(60));
        for locale in Locale::ALL {
            let text = text(locale, "Twenty Characters Ab", Some(&long));
            assert!(fits(&text), "{text}");
            assert!(text.starts_with("12345678 "), "{text}");
        }
        assert!(text(Locale::Ja, "Pollux", Some("a.jp")).ends_with("\n@a.jp #12345678"));
    }

    #[test]
    fn a_name_outside_the_alphabet_still_gives_one_part() {
        for locale in Locale::ALL {
            let text = text(locale, "चैट सेवा चैट सेवा चै", Some("app.example.com"));
            assert!(fits(&text) && text.starts_with("12345678 "), "{text}");
        }
    }

    #[test]
    fn units_are_counted_as_phones_count_them() {
        assert_eq!(gsm_units("Hello [1] €"), Some(11 + 3));
        assert_eq!(gsm_units("Größe"), Some(5));
        for odd in ["código", "₹", "“", "😀", "कोड"] {
            assert_eq!(gsm_units(odd), None, "{odd}");
        }
        assert!(fits(&"a".repeat(160)) && !fits(&"a".repeat(161)));
        assert!(fits(&"ó".repeat(70)) && !fits(&"ó".repeat(71)));
        assert!(fits(&"😀".repeat(35)) && !fits(&"😀".repeat(36)));
    }

    #[test]
    fn begun_minutes_count_whole() {
        let code = Code::parse("123456").unwrap();
        let said = |seconds| {
            let life = Duration::from_secs(seconds);
            Content { code: &code, service: "Pollux", host: None, life }.variables()
        };
        for (seconds, minutes) in [(300, "5"), (299, "5"), (241, "5"), (240, "4"), (1, "1"), (0, "1")] {
            assert_eq!(said(seconds)[2], ("minutes", minutes.to_owned()));
        }
    }
}
