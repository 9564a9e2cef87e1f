//! What texts become.

use pollux::domain::markdown::{DEPTH, Element, Node, blocks};
use serde_json::{Value, json};

/// The blocks of a text as a page gets them.
pub fn read(text: &str) -> Value {
    serde_json::to_value(blocks(text)).unwrap()
}

/// The blocks without their ends.
fn shape(text: &str) -> Value {
    let mut blocks = read(text);
    for block in blocks.as_array_mut().unwrap() {
        block.as_object_mut().unwrap().remove("end").unwrap();
    }
    blocks
}

#[test]
fn words_are_stressed_and_lines_are_kept() {
    let words = json!([{"kind": "paragraph", "children": [
        "a ", {"kind": "emphasis", "children": ["b"]}, " ", {"kind": "strong", "children": ["c ", {"kind": "code_span", "text": "d*"}]},
        " ", {"kind": "strikethrough", "children": ["e"]}, "\nf", {"kind": "break"}, "g & <",
    ]}]);
    assert_eq!(shape("a *b* **c `d*`** ~~e~~\nf  \ng &amp; \\<"), words);
}

#[test]
fn blocks_say_what_they_are_and_where_they_end() {
    let text = "# é\n\nb\n***\n> c\n\n```rust,ignore\nd\n\ne\n```\n    f\n";
    let expected = json!([
        {"kind": "heading", "level": 1, "children": ["é"], "end": 4},
        {"kind": "paragraph", "children": ["b"], "end": 7},
        {"kind": "rule", "end": 11},
        {"kind": "quote", "children": [{"kind": "paragraph", "children": ["c"]}], "end": 15},
        {"kind": "code", "language": "rust", "text": "d\n\ne", "end": 40},
        {"kind": "code", "text": "f", "end": 46},
    ]);
    assert_eq!(read(text), expected);
}

#[test]
fn lists_are_numbered_nested_and_ticked() {
    let item = |children: Value| json!({"kind": "item", "children": children});
    let nested = json!({"kind": "list", "start": 1, "children": [item(json!(["b"]))]});
    assert_eq!(shape("- a\n  1. b"), json!([{"kind": "list", "children": [item(json!(["a", nested]))]}]));
    let tasks = json!([{"kind": "list", "children": [
        {"kind": "item", "checked": true, "children": [{"kind": "paragraph", "children": ["a"]}]},
        {"kind": "item", "checked": false, "children": [{"kind": "paragraph", "children": ["b"]}]},
    ]}]);
    assert_eq!(shape("- [x] a\n\n- [ ] b"), tasks);
}

#[test]
fn a_table_has_a_head_and_rows_and_a_short_row_stays_short() {
    let table = json!([{"kind": "table", "align": ["none", "left", "center", "right"], "rows": [
        [["a"], ["b"], ["c"], ["d"]],
        [["1"], [], ["3", {"kind": "break"}, "4"]],
        [],
    ]}]);
    assert_eq!(shape("|a|b|c|d|\n|-|:-|:-:|-:|\n|1||3<br>4|\n||"), table);
}

#[test]
fn a_bare_address_is_a_link_without_what_stands_around_it() {
    let link = |href: &str, text: &str| json!({"kind": "link", "href": href, "children": [text]});
    let a = |text: &str| link(text, text);
    for (text, expected) in [
        ("https://a.example", json!([a("https://a.example")])),
        ("See HTTP://a.example/b?c=d#e, or so.", json!(["See ", a("HTTP://a.example/b?c=d#e"), ", or so."])),
        ("at www.a.example!", json!(["at ", link("https://www.a.example", "www.a.example"), "!"])),
        ("(https://a.example/b_(c)).", json!(["(", a("https://a.example/b_(c)"), ")."])),
        ("[see https://a.example/]", json!(["[see ", a("https://a.example/"), "]"])),
        ("https://a.example http://b.example", json!([a("https://a.example"), " ", a("http://b.example")])),
        ("**https://a.example/b_c_d**", json!([{"kind": "strong", "children": [a("https://a.example/b_c_d")]}])),
        ("\"https://a.example\"", json!(["\"", a("https://a.example"), "\""])),
        ("https://a.example/?b&amp;c", json!([a("https://a.example/?b&c")])),
        ("http://localhost:8000/docs...", json!([a("http://localhost:8000/docs"), "..."])),
        ("见https://a.example。再", json!(["见", a("https://a.example"), "。再"])),
        ("https://münchen.example/ü", json!([a("https://münchen.example/ü")])),
        ("[b](https://a.example)", json!([link("https://a.example", "b")])),
        (
            "[*https://b.example*](https://a.example)",
            json!([{"kind": "link", "href": "https://a.example",
            "children": [{"kind": "emphasis", "children": ["https://b.example"]}]}]),
        ),
        ("<https://a.example>", json!([a("https://a.example")])),
        ("`https://a.example`", json!([{"kind": "code_span", "text": "https://a.example"}])),
    ] {
        assert_eq!(shape(text), json!([{"kind": "paragraph", "children": expected}]), "{text}");
    }
    for text in [
        "https://",
        "https://.",
        "https://-a",
        "www.a",
        "www..a",
        "www.127.0.0.1:80",
        "xhttps://a.example",
        "javascript:https://a.example",
        "javascript://a.example",
        "ftp://a.example",
        "data:http://a.example",
        "a@www.a.example",
        "https://b.example@a.example",
        "https://a.example/\u{202e}gpj.exe",
        "https://a.example\\\\@b.example",
        "mailto:a@b.example",
        "//a.example",
        "a.example",
    ] {
        let words = json!([{"kind": "paragraph", "children": [text.replace("\\\\", "\\")]}]);
        assert_eq!(shape(text), words, "{text:?}");
    }
    let code = json!([{"kind": "code", "text": "https://a.example"}]);
    assert_eq!(shape("```\nhttps://a.example\n```"), code);
    let cells = json!([{"kind": "table", "align": ["none"], "rows": [[["a"]], [[a("https://a.example/b")]]]}]);
    assert_eq!(shape("|a|\n|-|\n|https://a.example/b|"), cells);
}

#[test]
fn html_is_text() {
    assert_eq!(
        shape("<script>alert(1)</script>\n\na <b onclick=\"x\">b</b>"),
        json!([
            {"kind": "paragraph", "children": ["<script>alert(1)</script>"]},
            {"kind": "paragraph", "children": ["a <b onclick=\"x\">b</b>"]},
        ])
    );
}

#[test]
fn a_link_leads_to_a_page_or_a_mailbox_and_an_image_is_one() {
    let link = |href: &str, text: &str| json!({"kind": "link", "href": href, "children": [text]});
    for (text, expected) in [
        ("[a](https://b.example \"t\")", link("https://b.example", "a")),
        ("![a](http://b.example/c.png)", link("http://b.example/c.png", "a")),
        ("![](http://b.example/c.png)", link("http://b.example/c.png", "http://b.example/c.png")),
        ("<https://b.example>", link("https://b.example", "https://b.example")),
        ("<a@b.example>", link("mailto:a@b.example", "a@b.example")),
        ("[a][1]\n\n[1]: https://b.example", link("https://b.example", "a")),
        ("[![a](http://b.example/c.png)](https://d.example)", link("https://d.example", "a")),
        ("[a](JAVASCRIPT:alert(1))", json!("a")),
        ("[a](&#106;avascript:alert(1))", json!("a")),
        ("![a](data:image/png;base64,AAAA)", json!("a")),
        ("[a](/chatroom)", json!("a")),
        ("<javascript:alert(1)>", json!("javascript:alert(1)")),
    ] {
        assert_eq!(shape(text), json!([{"kind": "paragraph", "children": [expected]}]), "{text}");
    }
}

#[test]
fn what_is_only_a_definition_is_shown_as_written() {
    assert_eq!(read("[a]: b\n"), json!([{"kind": "paragraph", "children": ["[a]: b"], "end": 7}]));
    assert_eq!(read(" \n\t\n"), json!([]));
}

#[test]
fn what_lies_too_deep_is_told_as_its_text() {
    fn deepest(nodes: &[Node]) -> usize {
        let inside = nodes.iter().map(|node| match node {
            Node::Element(element) => 1 + deepest(&element.children().cloned().collect::<Vec<_>>()),
            Node::Text(_) => 0,
        });
        inside.max().unwrap_or(0)
    }
    for (text, words) in [
        (format!("{}word", "> ".repeat(5_000)), "word"),
        (format!("{}word", "- ".repeat(5_000)), "word"),
        (format!("{}word", "1. > ".repeat(2_000)), "word"),
        (format!("{}word{}", "*a **b ".repeat(500), "** *".repeat(500)), "word"),
        (format!("{}|a|\n{}|-|\n{}|word|", "> ".repeat(40), "> ".repeat(40), "> ".repeat(40)), "word"),
        (format!("{}```\n{}word", "> ".repeat(40), "> ".repeat(40)), "word"),
    ] {
        let read = blocks(&text);
        let nodes: Vec<Node> = read.iter().map(|block| Node::Element(block.element.clone())).collect();
        let depth = deepest(&nodes);
        assert!((2..=DEPTH + 1).contains(&depth), "{depth}: {}", &text[..20]);
        assert!(serde_json::to_string(&read).unwrap().contains(words), "{}", &text[..20]);
    }
    assert!(matches!(&blocks("> a")[0].element, Element::Quote { .. }));
}
