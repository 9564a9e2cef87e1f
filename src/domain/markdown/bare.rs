//! Addresses that stand in a text as they are. Models write them so, and readers want to follow them.

use pulldown_cmark::LinkType;

use super::links::{href, misleads};
use super::{Element, Node};

/// What an address begins with, and what a browser needs before it.
const BEGINNINGS: [(&str, &str); 3] = [("https://", ""), ("http://", ""), ("www.", "https://")];
/// What stands behind an address in a sentence, and is not of it.
const STOPS: [char; 12] = ['.', ',', ':', ';', '!', '?', '\'', '*', '_', '~', '…', '’'];
const BRACKETS: [(char, char); 3] = [('(', ')'), ('[', ']'), ('{', '}')];

/// Makes links of the addresses among these nodes. Each character is looked at a few times at most.
pub(super) fn link_all(children: Vec<Node>) -> Vec<Node> {
    let mut linked = Vec::with_capacity(children.len());
    for child in children {
        match child {
            Node::Text(text) => split(text, &mut linked),
            Node::Element(_) => linked.push(child),
        }
    }
    linked
}

fn split(text: String, into: &mut Vec<Node>) {
    let (mut told, mut from) = (0, 0);
    while let Some((start, (beginning, before))) = next(&text, from) {
        let run = &text[start..];
        from = start + run.find(ends).unwrap_or(run.len());
        // What could show an address as another is no end of one.
        let is_honest = text[from..].chars().next().is_none_or(|c| c.is_whitespace() || !misleads(c));
        let shown = without_stops(&text[start..from]);
        let address = format!("{before}{shown}");
        if !is_honest || !has_host(shown, beginning) {
            continue;
        }
        if let Some(href) = href(LinkType::Autolink, &address) {
            if told < start {
                into.push(Node::Text(text[told..start].to_owned()));
            }
            into.push(Node::Element(Element::Link { href, children: vec![Node::Text(shown.to_owned())] }));
            told = start + shown.len();
        }
    }
    if told == 0 {
        into.push(Node::Text(text));
    } else if told < text.len() {
        into.push(Node::Text(text[told..].to_owned()));
    }
}

/// The next place where an address begins that is no part of a longer word.
fn next(text: &str, from: usize) -> Option<(usize, (&'static str, &'static str))> {
    let mut before = text[..from].chars().next_back();
    for (index, c) in text[from..].char_indices() {
        let start = from + index;
        if matches!(c, 'h' | 'H' | 'w' | 'W') && before.is_none_or(may_stand_before) {
            let begins = |(beginning, _): &&(&str, &str)| {
                text.get(start..start + beginning.len()).is_some_and(|begun| begun.eq_ignore_ascii_case(beginning))
            };
            if let Some(found) = BEGINNINGS.iter().find(begins) {
                return Some((start, *found));
            }
        }
        before = Some(c);
    }
    None
}

fn may_stand_before(c: char) -> bool {
    !c.is_ascii_alphanumeric() && !"/\\@.:-+=&?#%$".contains(c)
}

/// What no address goes on with: blanks, what quotes or marks one, and the stops of scripts that write no blanks.
fn ends(c: char) -> bool {
    c.is_whitespace()
        || misleads(c)
        || matches!(c, '<' | '>' | '"' | '`' | '|' | '“' | '”' | '«' | '»')
        || matches!(c, '\u{3001}'..='\u{301f}' | '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}' | '\u{ff1b}' | '\u{ff1f}')
}

/// An address without the stops behind it, and without brackets that were opened before it.
fn without_stops(run: &str) -> &str {
    let mut open = BRACKETS.map(|(opening, closing)| {
        let count = |bracket: char| run.chars().filter(|c| *c == bracket).count();
        (closing, count(opening), count(closing))
    });
    let mut left = run;
    while let Some(last) = left.chars().next_back() {
        let bracket = open.iter_mut().find(|(closing, ..)| *closing == last);
        match bracket {
            Some((_, opened, closed)) if *closed > *opened => *closed -= 1,
            None if STOPS.contains(&last) => {}
            _ => break,
        }
        left = &left[..left.len() - last.len_utf8()];
    }
    left
}

/// Whether a host is named, and nobody's name before it. What begins with `www.` ends as names do.
fn has_host(shown: &str, beginning: &str) -> bool {
    let Some(rest) = shown.get(beginning.len()..) else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_named = host.chars().next().is_some_and(char::is_alphanumeric) && !host.contains('@');
    let name = host.split(':').next().unwrap_or_default();
    is_named
        && (beginning != "www." || name.rsplit_once('.').is_some_and(|(_, last)| last.starts_with(char::is_alphabetic)))
}
