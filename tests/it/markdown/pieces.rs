//! A reply that grows is read from its first unsettled block on: what comes of it is what the whole text would be.

use pollux::domain::markdown::{Block, blocks};
use proptest::prelude::*;
use proptest::sample::select;

use crate::proof::size;

/// Reads a text as a page does while it is written, seen at these lengths in characters: of the whole lines that are not
/// settled yet, all blocks but the last are settled.
fn in_pieces(text: &str, seen: &[usize]) -> Vec<Block> {
    let characters: Vec<char> = text.chars().collect();
    let (mut settled, mut done) = (Vec::new(), 0);
    for length in seen.iter().copied().filter(|length| *length <= characters.len()) {
        let Some(line) = characters[done.min(length)..length].iter().rposition(|c| *c == '\n') else { continue };
        let mut read = read_from(&characters[done..=done + line], done);
        read.pop();
        done = read.last().map_or(done, |block| block.end);
        settled.append(&mut read);
    }
    settled.append(&mut read_from(&characters[done..], done));
    settled
}

fn read_from(characters: &[char], before: usize) -> Vec<Block> {
    let read = blocks(&characters.iter().collect::<String>());
    read.into_iter().map(|block| Block { end: block.end + before, ..block }).collect()
}

const PIECES: &[&str] = &[
    "word",
    " ",
    "  ",
    "    ",
    "\t",
    "\n",
    "\n\n",
    "\n",
    "\r\n",
    "# ",
    "## ",
    "#",
    "- ",
    "-",
    "--",
    "---",
    "***",
    "* ",
    "+ ",
    "1. ",
    "2) ",
    "10. ",
    "> ",
    ">",
    "```",
    "```rust\n",
    "`",
    "~~~",
    "~~",
    "|",
    "|a|b|\n|-|-|\n",
    "a|b\n-|-\n",
    "|-|",
    "=",
    "===",
    "*",
    "**",
    "_",
    "[ ] ",
    "[x] ",
    "[a](https://b.example)",
    "https://a.example",
    "www.a.example.",
    "(",
    ")",
    "![",
    "](",
    "<div>",
    "</div>",
    "<b>",
    "<!--",
    "-->",
    "<?",
    "<pre>",
    "\\",
    "&amp;",
    "é",
    "🏝️",
    "\u{a0}",
    "\u{2028}",
    "\u{200b}",
];

/// Words, marks and line ends, put together as models and pranksters do.
fn pieces_of_text() -> impl Strategy<Value = String> {
    prop::collection::vec(select(PIECES), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: u32::try_from(size(3_000, 300_000)).unwrap(), ..ProptestConfig::default() })]

    #[test]
    fn a_text_read_in_pieces_is_the_text_read_whole(text in pieces_of_text(), cuts in prop::collection::vec(0usize..200, 0..20)) {
        // A definition of a link is known only where it is read, so links by definition may differ.
        prop_assume!(!text.contains("]:"));
        let mut cuts = cuts;
        cuts.sort_unstable();
        prop_assert_eq!(in_pieces(&text, &cuts), blocks(&text));
    }
}

#[test]
fn a_line_that_is_not_whole_settles_nothing() {
    for text in ["a\n#b", "a\n\n- b\n***c***\n", "a\n```b`c\n\nd", "- a\n-b\n"] {
        let every: Vec<usize> = (0..=text.chars().count()).collect();
        assert_eq!(in_pieces(text, &every), blocks(text), "{text}");
    }
    // The other way: a line in its middle is another block than the line will be.
    assert_eq!((blocks("a\n#").len(), blocks("a\n#b").len()), (2, 1));
}
