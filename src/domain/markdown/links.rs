//! Where a link may lead.

use pulldown_cmark::LinkType;

/// What an address begins with, in any case.
const BEGINNINGS: [&str; 3] = ["https://", "http://", "mailto:"];

/// The address of a link, where it is one that a reader may follow. What does not begin as it should to the letter is
/// refused, so that nothing hangs on how a browser mends it.
pub(super) fn href(kind: LinkType, address: &str) -> Option<String> {
    let address = if kind == LinkType::Email { format!("mailto:{address}") } else { address.to_owned() };
    let begins_well = BEGINNINGS.iter().any(|beginning| {
        let begun = address.get(..beginning.len()).is_some_and(|begun| begun.eq_ignore_ascii_case(beginning));
        begun && address.len() > beginning.len()
    });
    (begins_well && !address.chars().any(misleads)).then_some(address)
}

/// What a browser would drop, or what would show an address as another: no address is written with it.
pub(super) fn misleads(c: char) -> bool {
    c.is_control()
        || c.is_whitespace()
        || c == '\\'
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_mailboxes_may_be_linked_to() {
        for good in ["http://a.example", "HTTPS://a.example/?q=1#x", "mailto:a@b.example", "https://münchen.example/ü"]
        {
            assert_eq!(href(LinkType::Inline, good).as_deref(), Some(good));
        }
        assert_eq!(href(LinkType::Email, "a@b.example").as_deref(), Some("mailto:a@b.example"));
    }

    #[test]
    fn nothing_else_is_a_link() {
        for bad in [
            "",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java\tscript:alert(1)",
            " javascript:alert(1)",
            "\u{1}javascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "/chatroom",
            "//a.example",
            "a.example",
            "#top",
            "http:a.example",
            "https:\\\\a.example",
            "https://",
            "mailto:",
            "https://a.example\\@b.example",
            "https://a.example/\u{202e}gpj.exe",
            "ht\ntps://a.example",
            "blob:https://a.example/1",
            "ｈttps://a.example",
        ] {
            assert_eq!(href(LinkType::Inline, bad), None, "{bad:?}");
        }
    }
}
