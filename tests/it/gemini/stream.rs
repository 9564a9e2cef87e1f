//! Bodies in every size of piece and cut at every byte: the pieces change nothing, and no cut passes for an ending.

use pollux::providers::model::{ModelError, ModelFault, Verdict};
use pollux::providers::model_gemini::reader::AnswerReader;
use proptest::prelude::*;

use super::{Told, example, told};

const MAX_TEXT: usize = 1024 * 1024;

const STREAMS: [&str; 12] = [
    "22_stream__normal",
    "23_stream__lf_only_and_comments",
    "24_stream__thoughts_then_text",
    "25_stream__blocked_prompt",
    "26_stream__safety_midway",
    "27_stream__max_tokens",
    "28_stream__error_tail_raw_json",
    "29_stream__error_event",
    "30_stream__cut_without_finish",
    "31_stream__cut_inside_event",
    "32_stream__empty_body",
    "33_stream_without_sse__array",
];

/// Reads a body that comes in these pieces.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Told {
    let mut reader = AnswerReader::new(MAX_TEXT);
    let mut text = String::new();
    for piece in pieces {
        if let Err(failure) = reader.push(piece, &mut text) {
            return (text, Err(failure));
        }
    }
    let end = reader.finish(&mut text);
    (text, end)
}

#[test]
fn a_body_in_two_pieces_is_the_same_wherever_it_is_split() {
    for name in STREAMS {
        let reply = example(name);
        let whole = read([reply.body()]);
        for at in 0..=reply.body().len() {
            let (before, after) = reply.body().split_at(at);
            assert_eq!(read([before, after]), whole, "{name} split at {at}");
        }
    }
}

#[test]
fn a_body_in_pieces_of_any_size_is_the_same() {
    for name in STREAMS {
        let reply = example(name);
        let whole = read([reply.body()]);
        for size in 1..=64 {
            assert_eq!(read(reply.body().chunks(size)), whole, "{name} in pieces of {size}");
        }
    }
}

#[test]
fn a_body_cut_at_any_byte_is_never_a_whole_answer() {
    for name in STREAMS {
        let reply = example(name);
        let (whole_text, _) = read([reply.body()]);
        for at in 0..reply.body().len() {
            let (text, end) = read([&reply.body()[..at]]);
            assert!(whole_text.starts_with(&text), "{name} cut at {at}: {text:?}");
            let fault = end.map_err(|failure: ModelError| failure.fault);
            let known = [ModelFault::Away, ModelFault::Slowed];
            assert!(fault.is_err_and(|fault| known.contains(&fault)), "{name} cut at {at}");
        }
    }
}

#[tokio::test]
async fn a_body_cut_on_the_wire_is_away_whether_it_ends_cleanly_or_breaks() {
    for name in ["22_stream__normal", "26_stream__safety_midway", "33_stream_without_sse__array"] {
        let length = example(name).body().len();
        for at in (0..length).step_by(61).chain([length - 2, length - 1]) {
            for reply in [example(name).cut_at(at), example(name).broken_at(at)] {
                let (_, end) = told(reply).await;
                assert_eq!(end.unwrap_err().fault, ModelFault::Away, "{name} cut at {at}");
            }
        }
        let (_, end) = told(example(name).broken_at(length)).await;
        assert_eq!(end.unwrap_err().fault, ModelFault::Away, "{name} broken after its last byte");
    }
}

#[tokio::test]
async fn a_body_in_single_bytes_on_the_wire_is_the_same() {
    for name in STREAMS {
        let whole = told(example(name)).await;
        assert_eq!(told(example(name).in_pieces(1, super::millis(0))).await, whole, "{name}");
    }
}

#[test]
fn a_character_split_between_two_reads_stays_whole() {
    let body = "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"नमस्ते 🌍\"}]}, \"finishReason\": \"STOP\"}]}\n\n";
    let (text, end) = read(body.as_bytes().chunks(1));
    assert_eq!((text.as_str(), end.unwrap().verdict), ("नमस्ते 🌍", Verdict::Complete));
}

/// The verdict or fault of a body with these candidates members, and whether there was text before.
fn decided(finish: &str, text: &str) -> Result<Verdict, ModelFault> {
    let body = format!(
        "data: {{\"candidates\": [{{\"content\": {{\"parts\": [{{\"text\": \"{text}\"}}]}}, \"finishReason\": \"{finish}\"}}]}}\r\n\r\n"
    );
    read([body.as_bytes()]).1.map(|ending| ending.verdict).map_err(|failure| failure.fault)
}

#[test]
fn every_reason_to_finish_is_decided_with_and_without_text() {
    let withheld = ["SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION", "LANGUAGE", "ESCALATION"];
    for reason in withheld.into_iter().chain(["IMAGE_SAFETY", "IMAGE_OTHER", "IMAGE_RECITATION"]) {
        assert_eq!((decided(reason, ""), decided(reason, "x")), (Ok(Verdict::Withheld), Ok(Verdict::Withheld)));
    }
    for reason in ["OTHER", "MALFORMED_RESPONSE", "NO_IMAGE", "UNEXPECTED_TOOL_CALL", "CONTINUATION", "weißnicht"] {
        assert_eq!((decided(reason, ""), decided(reason, "x")), (Err(ModelFault::Empty), Ok(Verdict::Truncated)));
    }
    assert_eq!((decided("STOP", ""), decided("STOP", "x")), (Err(ModelFault::Empty), Ok(Verdict::Complete)));
    let max = (decided("MAX_TOKENS", ""), decided("MAX_TOKENS", "x"));
    assert_eq!(max, (Err(ModelFault::NoRoom), Ok(Verdict::Truncated)));
    let limited = Err(ModelFault::Misconfigured);
    assert_eq!((decided("PUP_LIMITED_DISABLED", ""), decided("PUP_LIMITED_DISABLED", "x")), (limited, limited));
    for reason in ["", "FINISH_REASON_UNSPECIFIED"] {
        assert_eq!((decided(reason, ""), decided(reason, "x")), (Err(ModelFault::Away), Err(ModelFault::Away)));
    }
}

#[test]
fn an_error_after_the_last_event_beats_a_reason_to_finish() {
    let done =
        "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"x\"}]}, \"finishReason\": \"STOP\"}]}\r\n\r\n";
    let error = "{\"error\": {\"code\": 429, \"status\": \"RESOURCE_EXHAUSTED\"}}";
    let tails = [format!("data: {error}\r\n\r\n"), format!("data: {error}"), error.to_owned(), format!("[{error}]\n")];
    for tail in tails {
        let (_, end) = read([done.as_bytes(), tail.as_bytes()]);
        assert_eq!(end.unwrap_err().fault, ModelFault::Slowed, "{tail}");
    }
    let (_, end) = read([done.as_bytes(), b"<html>"]);
    assert_eq!(end.unwrap_err().fault, ModelFault::Away);
}

#[test]
fn strange_values_cost_nothing_but_themselves() {
    let body = br#"{"candidates": [{"content": {"parts": [{"text": "x"}, {}, {"text": null}], "new": 1}, "finishReason": "STOP"}],
        "promptFeedback": null, "usageMetadata": {"promptTokenCount": "7", "candidatesTokenCount": -1,
        "thoughtsTokenCount": 99999999999}, "modelVersion": "two words", "modelStatus": {"modelStage": "DEPRECATED"}}"#;
    let (text, end) = read([&body[..]]);
    let ending = end.unwrap();
    assert_eq!((text.as_str(), ending.verdict), ("x", Verdict::Complete));
    assert_eq!((ending.usage.prompt_tokens, ending.usage.reply_tokens), (7, u32::MAX));
    assert_eq!(ending.model_version, None);
}

#[test]
fn a_block_after_text_takes_the_text_back() {
    let body = "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"x\"}]}}]}\n\ndata: {\"promptFeedback\": {\"blockReason\": \"SAFETY\"}}\n\n";
    assert_eq!(read([body.as_bytes()]).1.unwrap().verdict, Verdict::Withheld);
}

fn bytes_like_a_stream() -> impl Strategy<Value = Vec<u8>> {
    let scrap = prop_oneof![
        Just(b"data: ".to_vec()),
        Just(b"\r\n\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b": ping\n".to_vec()),
        Just(br#"{"candidates": [{"content": {"parts": [{"text": "x"}]}}]}"#.to_vec()),
        Just(br#"{"candidates": [{"finishReason": "STOP"}]}"#.to_vec()),
        Just(br#"{"error": {"code": 503}}"#.to_vec()),
        Just(b"[".to_vec()),
        Just(b"]".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..20),
    ];
    proptest::collection::vec(scrap, 0..12).prop_map(|scraps| scraps.concat())
}

proptest! {
    #[test]
    fn no_bytes_in_any_pieces_make_the_reader_panic_or_change_its_mind(
        body in bytes_like_a_stream(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        cuts.extend([0, body.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &body[cut[0]..cut[1]]);
        prop_assert_eq!(read(pieces), read([body.as_slice()]));
    }
}

#[test]
fn a_character_that_no_database_can_hold_is_replaced() {
    let body = br#"data: {"candidates":[{"content":{"parts":[{"text":"a\u0000b"}]},"finishReason":"STOP"}]}

"#;
    assert_eq!(read([body.as_slice()]).0, "a\u{fffd}b");
}
