//! Languages: those that texts to phones are written in, and the one that a person names.

/// A language we have words in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Locale {
    /// Arabic.
    Ar,
    /// German.
    De,
    /// English, where nothing else is known.
    #[default]
    En,
    /// Spanish.
    Es,
    /// French.
    Fr,
    /// Hindi.
    Hi,
    /// Japanese.
    Ja,
    /// Portuguese.
    Pt,
}

impl Locale {
    /// Every language.
    pub const ALL: [Self; 8] = [Self::Ar, Self::De, Self::En, Self::Es, Self::Fr, Self::Hi, Self::Ja, Self::Pt];

    /// Its tag.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ar => "ar",
            Self::De => "de",
            Self::En => "en",
            Self::Es => "es",
            Self::Fr => "fr",
            Self::Hi => "hi",
            Self::Ja => "ja",
            Self::Pt => "pt",
        }
    }

    /// The language of a tag such as `pt-BR`; none where we have no words in it.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next()?;
        Self::ALL.into_iter().find(|locale| locale.as_str().eq_ignore_ascii_case(primary))
    }

    /// The first of the languages that an `Accept-Language` header wishes for, by weight, that we have words in.
    #[must_use]
    pub fn from_wishes(header: &str) -> Option<Self> {
        let mut best: Option<(Self, f32)> = None;
        for wish in header.split(',').take(32) {
            let (tag, rest) = wish.split_once(';').unwrap_or((wish, ""));
            let weight = rest.trim().strip_prefix("q=").map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0));
            let Some(locale) = Self::from_tag(tag) else { continue };
            if weight > best.map_or(0.0, |(_, most)| most) {
                best = Some((locale, weight));
            }
        }
        best.map(|(locale, _)| locale)
    }
}

/// The language that a person wishes for, as a tag in its usual letter case: `de`, `pt-BR`, `zh-Hant-TW`. Any language
/// may be wished for, also one that we have no words in yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocaleTag(String);

impl LocaleTag {
    /// Reads a language of two or three letters, with a script of four letters and a region of two letters or three
    /// digits where they are told; what else BCP 47 knows says nothing about the words to use.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parts = text.split('-').peekable();
        let is_letters = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphabetic());
        let is_script = |part: &&str| part.len() == 4 && is_letters(part);
        let is_digits = |part: &str| part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit());
        let is_region = |part: &&str| part.len() == 2 && is_letters(part) || is_digits(part);
        let language = parts.next().filter(|part| matches!(part.len(), 2 | 3) && is_letters(part));
        let mut tag = language.ok_or("locale_format")?.to_ascii_lowercase();
        if let Some(script) = parts.next_if(is_script) {
            let (first, rest) = script.split_at(1);
            tag = format!("{tag}-{}{}", first.to_ascii_uppercase(), rest.to_ascii_lowercase());
        }
        if let Some(region) = parts.next_if(is_region) {
            tag = format!("{tag}-{}", region.to_ascii_uppercase());
        }
        if parts.next().is_some() { Err("locale_format") } else { Ok(Self(tag)) }
    }

    /// The tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_read_strictly_and_kept_in_its_usual_form() {
        for (text, tag) in [
            ("de", "de"),
            ("PT-br", "pt-BR"),
            ("zh-hANT-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("sr-Latn", "sr-Latn"),
            ("yue", "yue"),
        ] {
            assert_eq!(LocaleTag::parse(text).unwrap().as_str(), tag);
        }
        for odd in [
            "",
            "d",
            "deut",
            "de-",
            "-de",
            "de_DE",
            "de-DE-",
            "de-D",
            "de-12",
            "de-DEU",
            "de-DE-1996",
            "en-US-u-ca-x",
            "dé",
            "12",
            "de DE",
            "de-Latn-Latn",
            "de-DE-DE",
            "x-klingon",
            "i-default",
            "*",
            "de\0",
        ] {
            assert_eq!(LocaleTag::parse(odd), Err("locale_format"), "{odd}");
        }
    }

    #[test]
    fn the_heaviest_wish_that_can_be_met_wins() {
        for (header, expected) in [
            ("de", Some(Locale::De)),
            ("pt-BR,pt;q=0.9,en;q=0.8", Some(Locale::Pt)),
            ("en;q=0.1, HI-in;q=0.9", Some(Locale::Hi)),
            ("zz, fr;q=0.2", Some(Locale::Fr)),
            ("ja;q=0, es;q=0.001", Some(Locale::Es)),
            ("ar , de", Some(Locale::Ar)),
            ("", None),
            ("*", None),
            ("de;q=0", None),
            ("de;q=x", None),
            ("engl", None),
        ] {
            assert_eq!(Locale::from_wishes(header), expected, "{header}");
        }
    }
}
