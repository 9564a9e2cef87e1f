//! What reading costs: a time and a size that grow with the text and no faster, whatever is in it.

use std::time::Duration;

use pollux::domain::markdown::blocks;
use rustix::time::{ClockId, clock_gettime};

use crate::proof::figures;

/// Beginnings of everything that Markdown knows, none of them ended: what parsers that look ahead fall over.
const OPENINGS: [&str; 58] = [
    ">",
    "> ",
    ">\n",
    "- ",
    "* ",
    "- \n",
    "1. ",
    "> - ",
    "- > ",
    "- [ ] ",
    "*",
    "_",
    "a*",
    "*_",
    "**a ",
    "*a **b ",
    "a***",
    "~",
    "~~a ",
    "`",
    "``\\",
    "[",
    "![",
    "[](",
    "[a](",
    "[a](<b",
    "[ (](",
    "!](",
    "[*_a",
    "[^",
    "[^\n",
    "[a]: <",
    "[a]: b\n[a]",
    "[a][b]",
    "|",
    "|a",
    "a|a\n-|-\n",
    "|a\n",
    "<",
    "<a ",
    "<a\n",
    "<!--",
    "!-- <",
    "a <?",
    "a <![CDATA[",
    "</",
    "<a@b",
    "&#",
    "\\",
    "#",
    "```\n",
    "\ta",
    "http://",
    "https://a.example/(",
    "https://a)",
    "www.",
    "www.a.b ",
    "http://a@",
];

/// Kibibytes of the texts that are compared.
const SMALL: usize = 16;
const LARGE: usize = 64;
/// How much longer the large one may take: linear is four times, quadratic would be sixteen.
const TIMES: f64 = 9.0;
/// The answer in bytes, for each of the text.
const BYTES: usize = 24;

/// The time that this thread has run, in nanoseconds: others on the same processor don't count.
fn ran() -> f64 {
    let told: Duration = clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap();
    told.as_secs_f64() * 1e9
}

fn cost(text: &str) -> f64 {
    let once = || {
        let began = ran();
        assert!(!blocks(text).is_empty());
        ran() - began
    };
    (0..3).map(|_| once()).fold(f64::MAX, f64::min)
}

/// A text of that many kibibytes at most, made of an opening again and again.
fn full_of(opening: &str, kibibytes: usize) -> String {
    opening.repeat(kibibytes * 1024 / opening.len())
}

#[test]
fn four_times_the_text_takes_about_four_times_as_long() {
    let (mut slowest, mut steepest) = (("", 0.0), ("", 0.0));
    for opening in OPENINGS {
        let (small, large) = (full_of(opening, SMALL), full_of(opening, LARGE));
        let (took, took_four) = (cost(&small), cost(&large));
        let times = took_four / took;
        assert!(times < TIMES, "{opening:?}: {took} ns, then {took_four} ns");
        slowest = if took_four > slowest.1 { (opening, took_four) } else { slowest };
        steepest = if times > steepest.1 { (opening, times) } else { steepest };
    }
    let ((slow, took), (steep, times)) = (slowest, steepest);
    figures(&format!(
        "markdown of {LARGE} KiB: at most {:.1} ms, for {slow:?}; {SMALL} KiB to {LARGE} KiB takes at most {times:.1} times, for {steep:?}",
        took / 1e6
    ));
}

#[test]
fn an_answer_is_at_most_some_times_as_long_as_its_text() {
    let mut largest = ("", 0);
    for opening in OPENINGS {
        let text = full_of(opening, LARGE);
        let length = serde_json::to_vec(&blocks(&text)).unwrap().len();
        assert!(length <= BYTES * text.len(), "{opening:?}: {length} bytes");
        largest = if length > largest.1 { (opening, length) } else { largest };
    }
    figures(&format!("markdown of {LARGE} KiB: an answer of at most {} KiB, for {:?}", largest.1 / 1024, largest.0));
}

#[test]
fn short_rows_of_a_wide_table_are_not_filled_up() {
    let columns = 8_000;
    let text = format!("{}\n{}\n{}", "a|".repeat(columns), "-|".repeat(columns), "a|\n".repeat(8_000));
    let length = serde_json::to_vec(&blocks(&text)).unwrap().len();
    assert!(length < BYTES * text.len(), "{length} bytes of {}", text.len());
}

#[test]
fn a_definition_that_is_used_often_is_not_copied_without_bounds() {
    let address = format!("https://a.example/{}", "b".repeat(20_000));
    let text = format!("[a]: {address}\n\n{}", "[a]".repeat(14_000));
    let length = serde_json::to_vec(&blocks(&text)).unwrap().len();
    assert!(length < BYTES * text.len(), "{length} bytes of {}", text.len());
}
