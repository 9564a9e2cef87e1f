//! What the stand-in says when no script tells it otherwise: something derived from the whole prompt.

use serde_json::{Value, json};

use super::catalogue::KnownModel;
use super::{Reply, aside};

const SIGNATURE: &str = "ZmFrZS1vcGFxdWUtc2lnbmF0dXJl";
const THOUGHTS_TOKENS: usize = 42;

/// One answer in one piece.
pub(super) fn whole(model: &KnownModel, request: &Value, count: usize) -> Reply {
    let chunks = chunks(model, request, count);
    let text: String =
        chunks.iter().filter_map(|chunk| chunk["candidates"][0]["content"]["parts"][0]["text"].as_str()).collect();
    let mut last = chunks.last().cloned().unwrap_or_default();
    last["candidates"][0]["content"]["parts"][0]["text"] = text.into();
    Reply::json(200, &last)
}

/// One answer word by word: events with `alt=sse`, a JSON list without.
pub(super) fn streamed(model: &KnownModel, request: &Value, count: usize, is_sse: bool) -> Reply {
    let chunks = chunks(model, request, count);
    if is_sse {
        let events: Vec<_> = chunks.iter().map(|chunk| format!("data: {chunk}\r\n\r\n")).collect();
        return Reply::new(200, "text/event-stream", events.concat());
    }
    let items: Vec<_> = chunks.iter().map(Value::to_string).collect();
    Reply::new(200, "application/json; charset=UTF-8", format!("[{}\n]", items.join("\n,\r\n")))
}

/// The tokens of a prompt.
pub(super) fn counted(request: &Value) -> Reply {
    let tokens = prompt_tokens(request);
    let details = json!([{"modality": "TEXT", "tokenCount": tokens}]);
    Reply::json(200, &json!({"totalTokens": tokens, "promptTokensDetails": details}))
}

/// Every third answer is thought about; the text comes word by word, the usage as running totals.
fn chunks(model: &KnownModel, request: &Value, count: usize) -> Vec<Value> {
    let text = answer_text(request);
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    let limit = request["generationConfig"]["maxOutputTokens"].as_u64().and_then(|limit| usize::try_from(limit).ok());
    let said = words.len().min(limit.unwrap_or(usize::MAX));
    let thoughts = if count.is_multiple_of(3) { THOUGHTS_TOKENS } else { 0 };
    let chunk = |part: Value, tokens: usize| {
        json!({
            "candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0}],
            "usageMetadata": usage(prompt_tokens(request), tokens, thoughts),
            "modelVersion": model.answered_by,
            "responseId": format!("fake-{count}"),
        })
    };
    let mut chunks = Vec::new();
    if thoughts > 0 && request["generationConfig"]["thinkingConfig"]["includeThoughts"] == true {
        chunks.push(chunk(json!({"text": "**Thinking** about an echo.", "thought": true}), 0));
    }
    chunks.extend(words.iter().take(said).enumerate().map(|(index, word)| chunk(json!({"text": word}), index + 1)));
    let signed = json!({"text": "", "thoughtSignature": SIGNATURE});
    let mut last = chunk(if thoughts > 0 { signed } else { json!({"text": ""}) }, said);
    last["candidates"][0]["finishReason"] = if said < words.len() { "MAX_TOKENS" } else { "STOP" }.into();
    chunks.push(last);
    chunks
}

/// The last turn in the open and a sum over the whole prompt, so that one lost turn changes the answer.
fn answer_text(request: &Value) -> String {
    if let Some(text) = aside::answer(request) {
        return text;
    }
    let turns = request["contents"].as_array().map_or(0, Vec::len);
    let last = texts(&request["contents"]).pop().unwrap_or_default();
    let all = texts(&request["systemInstruction"]).into_iter().chain(texts(&request["contents"]));
    let sum = all.flat_map(str::bytes).fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    format!("Echo of {turns} turns ({sum:08x}): {last}")
}

/// Every text of a content, or of a list of them.
fn texts(content: &Value) -> Vec<&str> {
    let contents = content.as_array().map_or(std::slice::from_ref(content), Vec::as_slice);
    let parts = contents.iter().filter_map(|content| content["parts"].as_array()).flatten();
    parts.filter_map(|part| part["text"].as_str()).collect()
}

/// About four characters are a token.
fn prompt_tokens(request: &Value) -> usize {
    let all = texts(&request["systemInstruction"]).into_iter().chain(texts(&request["contents"]));
    all.map(|text| text.chars().count().div_ceil(4)).sum()
}

/// Counts of zero are absent, as in the original.
fn usage(prompt: usize, answer: usize, thoughts: usize) -> Value {
    let mut usage = json!({
        "promptTokenCount": prompt,
        "totalTokenCount": prompt + answer + thoughts,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}],
    });
    for (name, count) in [("candidatesTokenCount", answer), ("thoughtsTokenCount", thoughts)] {
        if count > 0 {
            usage[name] = count.into();
        }
    }
    usage
}
