//! Reads one setting after another and gathers what is wrong, so that all of it is told at once.

use std::ops::RangeInclusive;

use reqwest::Url;
use secrecy::SecretString;

use super::faults::ConfigFaults;
use super::names::{self, Setting};
use super::net;
use super::settings::Settings;

/// A value, and the name it was found under.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub name: &'static str,
    pub value: &'a str,
}

pub(super) struct Reader<'a> {
    settings: &'a Settings,
    faults: Vec<String>,
    notes: Vec<String>,
}

impl<'a> Reader<'a> {
    pub fn new(settings: &'a Settings) -> Self {
        Self { settings, faults: settings.faults.clone(), notes: settings.notes.clone() }
    }

    pub fn fault(&mut self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        if !self.faults.contains(&sentence) {
            self.faults.push(sentence);
        }
    }

    pub fn note(&mut self, sentence: impl Into<String>) {
        self.notes.push(sentence.into());
    }

    /// The first name that is set.
    pub fn first(&self, setting: Setting) -> Option<Found<'a>> {
        setting.0.iter().find_map(|name| self.settings.get(name).map(|value| Found { name, value }))
    }

    pub fn text(&self, setting: Setting) -> Option<String> {
        self.first(setting).map(|found| found.value.to_owned())
    }

    pub fn secret(&self, setting: Setting) -> Option<SecretString> {
        self.first(setting).map(|found| SecretString::from(found.value))
    }

    /// A key for somebody else's service; the text that documents print in its place is refused.
    pub fn provider_key(&mut self, setting: Setting) -> Option<SecretString> {
        let found = self.first(setting)?;
        if is_placeholder(found.value) {
            self.fault(format!("{} holds placeholder text: set the real value, or leave it empty", found.name));
        }
        Some(SecretString::from(found.value))
    }

    /// A whole number in a range; digits alone.
    pub fn number(&mut self, setting: Setting, range: RangeInclusive<u32>, default: u32) -> u32 {
        self.first(setting).and_then(|found| self.parse(found, range)).unwrap_or(default)
    }

    pub fn parse(&mut self, found: Found<'_>, range: RangeInclusive<u32>) -> Option<u32> {
        let digits = found.value.bytes().all(|byte| byte.is_ascii_digit());
        let number = found.value.parse().ok().filter(|number| digits && range.contains(number));
        if number.is_none() {
            let (name, least, most) = (found.name, range.start(), range.end());
            self.fault(format!("{name} must be a whole number from {least} to {most}"));
        }
        number
    }

    pub fn port(&mut self, setting: Setting, default: u16) -> u16 {
        let number = self.number(setting, 0..=u32::from(u16::MAX), u32::from(default));
        u16::try_from(number).unwrap_or(default)
    }

    /// One of a closed set of words, in any case.
    pub fn choice<T: Copy>(&mut self, setting: Setting, choices: &[(&str, T)]) -> Option<T> {
        let found = self.first(setting)?;
        let chosen = choices.iter().find(|(word, _)| word.eq_ignore_ascii_case(found.value));
        if chosen.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            self.fault(format!("{} must be one of: {}", found.name, words.join(", ")));
        }
        chosen.map(|(_, choice)| *choice)
    }

    /// Words between commas, or a JSON list of them.
    pub fn list(&mut self, setting: Setting) -> Vec<String> {
        let Some(found) = self.first(setting) else { return Vec::new() };
        let items = if found.value.starts_with('[') {
            serde_json::from_str::<Vec<String>>(found.value).unwrap_or_else(|_| {
                self.fault(format!("{} must be words between commas, or a JSON list of words", found.name));
                Vec::new()
            })
        } else {
            found.value.split(',').map(str::to_owned).collect()
        };
        items.into_iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
    }

    /// Where calls to the outside go: https unless it is this machine; without a trailing slash.
    pub fn base_url(&mut self, setting: Setting, default: &str) -> String {
        let Some(found) = self.first(setting) else { return default.to_owned() };
        let url = outside(found.value).filter(|url| url.query().is_none());
        if url.is_none() {
            self.fault(outside_fault(found));
        }
        url.map_or_else(|| default.to_owned(), |url| url.as_str().trim_end_matches('/').to_owned())
    }

    /// An address of the operator's that is called as it stands; it may hold a token.
    pub fn secret_url(&mut self, setting: Setting) -> Option<SecretString> {
        let found = self.first(setting)?;
        if outside(found.value).is_none() {
            self.fault(outside_fault(found));
        }
        Some(SecretString::from(found.value))
    }

    /// An address that a person's browser is sent to, kept as it was written.
    pub fn page_url(&mut self, setting: Setting) -> Option<String> {
        let found = self.first(setting)?;
        let is_page = Url::parse(found.value).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !is_page {
            self.fault(format!("{} must be an http:// or https:// address", found.name));
        }
        is_page.then(|| found.value.to_owned())
    }

    /// True where an address is given in parts; the first of them, the host, can't be left out then.
    pub fn parts_are_set(&mut self, parts: &[Setting]) -> bool {
        let host = parts[0].name();
        if self.first(parts[0]).is_some() {
            return true;
        }
        if let Some(found) = parts.iter().find_map(|part| self.first(*part)) {
            self.fault(format!("{} is set without {host}: set {host} too, or leave both empty", found.name));
        }
        false
    }

    /// The names that are set and decide nothing here.
    pub fn not_needed(&self) -> Vec<String> {
        self.settings.names().filter(|name| names::is_not_needed(name)).map(str::to_owned).collect()
    }

    /// Ends the reading: the notes where all is well, else every fault.
    pub fn finish(mut self) -> Result<Vec<String>, ConfigFaults> {
        if !self.faults.is_empty() {
            return Err(ConfigFaults(self.faults));
        }
        self.note_unread_aliases();
        let unknown = self.settings.names_in_file().filter(|name| !names::is_read(name) && !names::is_not_needed(name));
        self.notes.extend(unknown.map(|name| format!("{name} in .env is not a setting of Pollux and is not read")));
        Ok(self.notes)
    }

    fn note_unread_aliases(&mut self) {
        for setting in names::ALL {
            let Some(first) = self.first(*setting) else { continue };
            let others = setting.0.iter().filter(|name| {
                **name != first.name && self.settings.get(name).is_some_and(|value| value != first.value)
            });
            self.notes.extend(others.map(|name| format!("{name} is not read, because {} is set too", first.name)));
        }
    }
}

fn outside(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let safe = url.scheme() == "https" || (url.scheme() == "http" && net::is_this_machine(&url));
    (safe && url.username().is_empty() && url.password().is_none() && url.fragment().is_none()).then_some(url)
}

fn outside_fault(found: Found<'_>) -> String {
    format!("{} must be an https:// address (http:// on this machine alone)", found.name)
}

fn is_placeholder(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    let marks = ["your-", "your_", "xxxx", "placeholder", "change-me", "changeme", "change_me", "replace-", "replace_"];
    value.starts_with("your")
        || value.ends_with("...")
        || value.ends_with('…')
        || (value.starts_with('<') && value.ends_with('>'))
        || marks.iter().any(|mark| value.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Result<u32, usize> {
        let settings = Settings::from_pairs([("WORKER_CONCURRENCY", text)]);
        let mut reader = Reader::new(&settings);
        let number = reader.number(names::WORKER_CONCURRENCY, 1..=100, 7);
        if reader.faults.is_empty() { Ok(number) } else { Err(reader.faults.len()) }
    }

    #[test]
    fn a_number_is_digits_alone_and_in_its_range() {
        assert_eq!(number("100"), Ok(100));
        assert_eq!(number(""), Ok(7));
        for text in ["0", "101", "+5", "-5", "5.0", "5_0", "0x5", "five", "99999999999999999999", "٥"] {
            assert_eq!(number(text), Err(1), "{text}");
        }
    }

    #[test]
    fn placeholders_are_told_from_keys() {
        for text in [
            "your-gemini-api-key",
            "your_key",
            "YOUR_GEMINI_API_KEY",
            "sk_test_...",
            "sk_test_your_key",
            "whsec_xxxxxxxxxxxx",
            "<key>",
            "price_placeholder",
            "changeme",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in ["AIzaSyA1b2C3d4E5f6G7h8I9j0KlMnOpQrStUvW", "sk_test_51HxQ2aB3c", "price_1TExampleProMonthly01"] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
