//! Texts that people send, parsed once into types that cannot be wrong.

use serde::{Deserialize, Serialize};

/// The longest name of a room or a person, in characters.
pub const NAME_MAX: usize = 120;
/// The longest message, in characters.
pub const CONTENT_MAX: usize = 16_000;
/// The longest standing instructions of a room, in characters.
pub const INSTRUCTIONS_MAX: usize = 4_000;

/// The rule a text broke.
pub type Broken = &'static str;

/// A name of a room or a person: one line, shown as sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name(String);

impl Name {
    /// Takes 1-120 characters on one line that do not reorder what stands around them.
    pub fn parse(text: &str) -> Result<Self, Broken> {
        if text.chars().any(|c| c.is_control() || is_line_break(c) || is_bidi_control(c)) {
            return Err("control_character");
        }
        bounded(text, NAME_MAX).map(Self)
    }

    /// The text as sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a person says to the model.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(String);

impl Content {
    /// Takes 1-16,000 characters, with no controls but tab and line ends.
    pub fn parse(text: &str) -> Result<Self, Broken> {
        prose(text, CONTENT_MAX).map(Self)
    }

    /// The text as sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Standing instructions of a room, said to the model before every conversation.
#[derive(Clone, PartialEq, Eq)]
pub struct Instructions(String);

impl Instructions {
    /// Takes 1-4,000 characters, with no controls but tab and line ends.
    pub fn parse(text: &str) -> Result<Self, Broken> {
        prose(text, INSTRUCTIONS_MAX).map(Self)
    }

    /// The text as sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn prose(text: &str, most: usize) -> Result<String, Broken> {
    if text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
        return Err("control_character");
    }
    bounded(text, most)
}

fn bounded(text: &str, most: usize) -> Result<String, Broken> {
    if text.trim().is_empty() {
        return Err("blank");
    }
    if text.chars().count() > most {
        return Err("too_long");
    }
    Ok(text.to_owned())
}

fn is_line_break(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// True for marks that turn the direction of what stands around them.
pub(super) fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_any_script_is_kept_as_sent() {
        for text in ["Trip to Goa", "गोवा की यात्रा", "🏝️", " padded ", "رحلة"] {
            assert_eq!(Name::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_name_is_one_line_without_tricks() {
        for text in ["a\nb", "a\u{0}b", "\u{202e}abc", "a\u{2028}b", "a\tb", "\u{7f}"] {
            assert_eq!(Name::parse(text), Err("control_character"), "{text:?}");
        }
        for text in ["", " ", "\u{3000}"] {
            assert_eq!(Name::parse(text), Err("blank"), "{text:?}");
        }
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(Name::parse(&"é".repeat(120)).is_ok());
        assert_eq!(Name::parse(&"é".repeat(121)), Err("too_long"));
        assert!(Content::parse(&"🙂".repeat(16_000)).is_ok());
        assert!(Content::parse(&"a".repeat(16_001)).is_err());
    }

    #[test]
    fn a_message_may_have_lines_but_no_other_controls() {
        assert!(Content::parse("a\r\nb\tc").is_ok());
        assert!(Content::parse("a\u{0}b").is_err());
        assert!(Content::parse("a\u{1b}[31m").is_err());
    }
}
