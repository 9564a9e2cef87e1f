//! Replies and names of rooms that try to be more than words: what was tried elsewhere, by hand in `tests/hostile`, and
//! mixtures of it by chance. The server's trees are judged here; `browser::inert` shows all of it in the page.

use pollux::domain::markdown::{Element, Node, blocks};
use pollux::domain::text::Name;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::harness::{Engine, TestApp};

/// How many of each there are.
pub const COUNT: usize = 500;
/// What a script would run: the page's test looks for what it leaves.
const SCRIPT: &str = "hit()";
const SEED: u64 = 20_261_121;

const ADDRESSES: [&str; 12] = [
    "javascript:{js}",
    "data:text/html,<script>{js}</script>",
    "data:image/svg+xml,<svg/onload={js}>",
    "vbscript:{js}",
    "blob:http://{host}/0",
    "file:///etc/passwd",
    "//{host}/a.js",
    "ftp://{host}/a",
    "ws://{host}/a",
    "http://{host}/a.png",
    "https://{host}/\"onerror=\"{js}",
    "mailto:a@{host}?cc=<script>{js}</script>",
];

const WRAPPINGS: [&str; 24] = [
    "[a]({a})",
    "[a](<{a}>)",
    "![a]({a})",
    "<{a}>",
    "[a][x]\n\n[x]: {a}",
    "[x]: <{a}>\n[x] ![x]",
    "[![a]({a})]({a})",
    "[a]({a} \"b\" onmouseover=\"{js}\")",
    "<a href=\"{a}\" onclick=\"{js}\">a</a>",
    "<img src=\"{a}\" onerror=\"{js}\">",
    "<img src='{a}'\nonerror='{js}'/>",
    "<iframe src=\"{a}\" onload={js}></iframe>",
    "<script src=\"{a}\">{js}</script>",
    "<svg onload=\"{js}\"><image href=\"{a}\"/></svg>",
    "<style>@import '{a}'; * { background: url({a}) }</style>",
    "<link rel=stylesheet href={a} onerror={js}>",
    "<meta http-equiv=refresh content=\"0;url={a}\">",
    "<base href=\"{a}\">",
    "<form action=\"{a}\"><button formaction=\"{a}\">a</button></form>",
    "<object data=\"{a}\"><embed src=\"{a}\"></object>",
    "`<img src={a} onerror={js}>`",
    "```html\n<script src={a}>{js}</script>\n```",
    "<!-- {a} --><img src={a} onerror={js}>",
    "{a}",
];

const PLACES: [&str; 12] = [
    "{t}",
    "> {t}",
    "- {t}",
    "1. > - {t}",
    "# {t}",
    "**{t}**",
    "| a |\n|---|\n| {t} |",
    "- [x] {t}",
    "a\n\n{t}\n\nb",
    "*a ~~b {t}~~*",
    "{t}{t}{t}",
    "\\{t}",
];

/// The replies, with addresses that lead to this host.
pub fn replies(host: &str) -> Vec<String> {
    let by_hand = include_str!("../hostile/replies.txt").split("\n%%\n").map(ToOwned::to_owned);
    let mut all: Vec<String> = by_hand.chain(heavy()).collect();
    let mut dice = SmallRng::seed_from_u64(SEED);
    while all.len() < COUNT {
        all.push(mixture(&mut dice));
    }
    all.iter().map(|text| filled_in(text, host)).collect()
}

/// The names: each can be given to a room.
pub fn names(host: &str) -> Vec<String> {
    let by_hand = include_str!("../hostile/names.txt").lines().map(|line| filled_in(line, host));
    let from_replies = replies(host).into_iter().map(|text| {
        let line = text.split(|c: char| c.is_control()).collect::<Vec<_>>().join(" ");
        line.chars().filter(|c| Name::parse(&format!("a{c}")).is_ok()).take(120).collect()
    });
    by_hand.chain(from_replies).filter(|name| Name::parse(name).is_ok()).take(COUNT).collect()
}

/// What is too much rather than too clever.
fn heavy() -> Vec<String> {
    let nested = |open: &str, close: &str, times: usize| format!("{}{{js}}{}", open.repeat(times), close.repeat(times));
    vec![
        "W".repeat(15_000),
        "\u{fdfd}".repeat(3_000),
        format!("e{}", "\u{301}".repeat(5_000)),
        format!("https://{{host}}/{}", "a".repeat(14_000)),
        nested("> ", "", 2_000),
        nested("- ", "", 2_000),
        nested("*a **b ", "** *", 800),
        nested("[", "](javascript:{js})", 300),
        nested("<div onclick={js}>", "</div>", 200),
        nested("<b>", "", 2_000),
        format!("|{}\n|{}\n{}", "a|".repeat(300), "-|".repeat(300), "|b\n".repeat(300)),
        format!("|a|\n|-|\n{}", "|![a](http://{host}/a.png)|\n".repeat(300)),
        format!("```js\n{}", "\"\\".repeat(7_000)),
        "\u{202e}".repeat(2_000),
        "\u{200b}".repeat(5_000),
        "`".repeat(9_000),
        "\n".repeat(9_000) + "a",
        "![a](http://{host}/a.png)".repeat(300),
    ]
}

fn mixture(dice: &mut SmallRng) -> String {
    let address = disguised(ADDRESSES.choose(dice).unwrap(), dice);
    let wrapped = WRAPPINGS.choose(dice).unwrap().replace("{a}", &address);
    PLACES.choose(dice).unwrap().replace("{t}", &wrapped)
}

/// An address written so that a careless reader does not know it again.
fn disguised(address: &str, dice: &mut SmallRng) -> String {
    let colon = address.find(':').unwrap_or(0);
    let at = dice.random_range(0..=colon);
    let (before, after) = address.split_at(at);
    let first: String = after.chars().take(1).collect();
    let rest = after.get(first.len()..).unwrap_or_default();
    let code = first.chars().next().map_or(0, u32::from);
    match dice.random_range(0..14) {
        0 => address.to_owned(),
        1 => address.to_uppercase().replace("{JS}", "{js}").replace("{HOST}", "{host}"),
        2 => format!("{before}\t{after}"),
        3 => format!("{before}\n{after}"),
        4 => format!("{before}&#{code};{rest}"),
        5 => format!("{before}&#x{code:07x}{rest}"),
        6 => format!("{before}&Tab;{after}"),
        7 => format!("{before}&#1;{after}"),
        8 => format!(" \u{1}{address}"),
        9 => format!("{before}\\{after}"),
        10 => format!("{before}\u{200b}{after}"),
        11 => format!("{before}%{code:02x}{rest}"),
        12 => address.replacen(':', "&colon;", 1),
        _ => address.chars().take(at).filter_map(|c| char::from_u32(u32::from(c) + 0xfee0)).collect::<String>() + after,
    }
}

/// Puts in what runs and where it leads, and characters that are told by their numbers.
fn filled_in(text: &str, host: &str) -> String {
    let text = text.replace("{js}", SCRIPT).replace("{host}", host);
    let mut pieces = text.split("{U+");
    let first = pieces.next().unwrap().to_owned();
    pieces.fold(first, |text, piece| {
        let (number, rest) = piece.split_once('}').unwrap();
        let character = char::from_u32(u32::from_str_radix(number, 16).unwrap()).unwrap();
        format!("{text}{character}{rest}")
    })
}

/// What is wrong with the elements in a block, whatever it says.
fn faults(element: &Element) -> Vec<String> {
    let mut faults: Vec<String> = element
        .children()
        .flat_map(|node| match node {
            Node::Element(inside) => faults(inside),
            Node::Text(_) => Vec::new(),
        })
        .collect();
    if let Element::Link { href, .. } = element {
        let scheme = href.split(':').next().unwrap().to_ascii_lowercase();
        if !["http", "https", "mailto"].contains(&scheme.as_str()) || href.contains(['\\', '\t', '\n', '\r', ' ']) {
            faults.push(format!("a link to {href:?}"));
        }
    }
    faults
}

/// Every value of `kind` in an answer.
fn kinds(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(values) => values.iter().flat_map(kinds).collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match value {
                Value::String(kind) if name == "kind" => vec![kind.as_str()],
                other => kinds(other),
            })
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn there_are_five_hundred_of_each_and_all_differ() {
    let mut replies = replies("127.0.0.1:9");
    let mut names = names("127.0.0.1:9");
    for texts in [&mut replies, &mut names] {
        assert_eq!(texts.len(), COUNT);
        texts.sort();
        texts.dedup();
        assert!(texts.len() > COUNT * 9 / 10, "{} differ", texts.len());
        assert!(texts.iter().filter(|text| text.contains(SCRIPT)).count() > COUNT / 2);
        assert!(!texts.iter().any(|text| text.contains("{js}") || text.contains("{host}") || text.contains("{U+")));
    }
}

#[test]
fn no_hostile_reply_becomes_more_than_words_and_links_to_pages() {
    let mut links = 0;
    for text in replies("127.0.0.1:9") {
        for block in blocks(&text) {
            assert_eq!(faults(&block.element), [""; 0], "{text}");
        }
        links += serde_json::to_string(&blocks(&text)).unwrap().matches("\"kind\":\"link\"").count();
    }
    // The harmless ones among them are links, so it is not that there were none.
    assert!(links > 50, "{links}");
}

#[tokio::test]
async fn the_server_answers_every_hostile_reply_with_kinds_it_names() {
    let known = [
        "paragraph",
        "heading",
        "quote",
        "list",
        "item",
        "code",
        "table",
        "rule",
        "emphasis",
        "strong",
        "strikethrough",
        "code_span",
        "link",
        "break",
    ];
    let app = TestApp::start_with(Engine::Sqlite, &[("USER_REQUESTS_PER_MINUTE", "0")]).await;
    let user = app.user().await;
    let mut seen = std::collections::BTreeSet::new();
    for text in replies("127.0.0.1:9") {
        let answer = user.post("/markdown", json!({"texts": [text]})).await.expect(200);
        let kinds = kinds(&answer.body);
        assert!(!kinds.is_empty() || text.trim().is_empty(), "{text}");
        assert!(kinds.iter().all(|kind| known.contains(kind)), "{kinds:?}");
        seen.extend(kinds.into_iter().map(ToOwned::to_owned));
    }
    assert!(seen.len() > 10, "{seen:?}");
}
