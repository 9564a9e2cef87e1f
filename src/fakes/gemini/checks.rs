//! What the stand-in refuses, as strictly and in the same words as the original.

use serde_json::{Map, Value, json};

use super::catalogue::KnownModel;
use super::reply::not_found_page;
use super::{Call, Reply};

type Checked<T> = Result<T, Reply>;

/// A kind of object in a request, whose members are known.
#[derive(Clone, Copy)]
enum Kind {
    Request,
    Count,
    Content,
    Part,
    Blob,
    File,
    Config,
    Thinking,
    Safety,
    /// Not looked into.
    Any,
}

/// The path and the key, before anything of the body is read.
pub(super) fn caller(version: &str, call: &Call) -> Checked<()> {
    if !matches!(version, "v1" | "v1beta") {
        return Err(not_found_page());
    }
    if call.key.is_empty() {
        let message = "Method doesn't allow unregistered callers (callers without established identity). Please use API \
                       Key or other form of API consumer identity to call this API.";
        return Err(Reply::error(403, "PERMISSION_DENIED", message));
    }
    Ok(())
}

/// The body as JSON.
pub(super) fn json(body: &[u8]) -> Checked<Value> {
    serde_json::from_slice(body).map_err(|_| invalid("Invalid JSON payload received. Unexpected token."))
}

/// A request for an answer, in camelCase whatever it came in.
pub(super) fn generate(request: &Value, model: &KnownModel) -> Checked<Value> {
    let request = known(request, Kind::Request, "")?;
    contents(&request)?;
    let config = &request["generationConfig"];
    if config["candidateCount"].as_u64().is_some_and(|count| count > 1) {
        return Err(invalid("Multiple candidates is not enabled for this model"));
    }
    thinking(&config["thinkingConfig"], model)?;
    Ok(request)
}

/// A request for a count, which may hold a whole request for an answer.
pub(super) fn count(request: &Value, model: &KnownModel) -> Checked<Value> {
    let request = known(request, Kind::Count, "")?;
    match request.get("generateContentRequest") {
        Some(inner) => generate(inner, model),
        None => contents(&request).map(|()| request),
    }
}

fn contents(request: &Value) -> Checked<()> {
    let turns = request["contents"].as_array().filter(|turns| !turns.is_empty());
    let turns = turns.ok_or_else(|| invalid("* GenerateContentRequest.contents: contents is not specified\n"))?;
    for (index, turn) in turns.iter().enumerate() {
        if !matches!(turn["role"].as_str(), None | Some("user" | "model")) {
            return Err(invalid("Please use a valid role: user, model."));
        }
        parts(turn, &format!("contents[{index}]"))?;
    }
    if let Some(instructions) = request.get("systemInstruction") {
        parts(instructions, "system_instruction")?;
    }
    let last = turns.last().unwrap_or(&Value::Null);
    let ends_with_function = last["parts"].as_array().and_then(|parts| parts.last()?.get("functionResponse")).is_some();
    if last["role"] == "model" && !ends_with_function {
        let message =
            "Requests ending with a model turn are not supported unless the last part is a function response.";
        return Err(invalid(message));
    }
    Ok(())
}

fn parts(content: &Value, place: &str) -> Checked<()> {
    let parts = content["parts"].as_array().filter(|parts| !parts.is_empty());
    let parts = parts.ok_or_else(|| {
        invalid(&format!("* GenerateContentRequest.{place}.parts: contents.parts must not be empty.\n"))
    })?;
    for (index, part) in parts.iter().enumerate() {
        let is_data = |(name, value): (&String, &Value)| {
            !matches!(name.as_str(), "thought" | "thoughtSignature" | "partMetadata" | "videoMetadata") && value != ""
        };
        if !part.as_object().is_some_and(|part| part.iter().any(is_data)) {
            let message = format!(
                "* GenerateContentRequest.{place}.parts[{index}].data: required oneof field 'data' must have one \
                 initialized field\n"
            );
            return Err(invalid(&message));
        }
    }
    Ok(())
}

fn thinking(config: &Value, model: &KnownModel) -> Checked<()> {
    let Some(level) = config["thinkingLevel"].as_str() else { return Ok(()) };
    if config.get("thinkingBudget").is_some() {
        return Err(invalid("You can only set only one of thinking budget and thinking level."));
    }
    if !model.takes_thinking_level(level) {
        return Err(invalid("Thinking level is not supported for this model."));
    }
    Ok(())
}

/// The object with camelCase names, if all of them are known; `place` is where it stands, for the refusal.
fn known(value: &Value, kind: Kind, place: &str) -> Checked<Value> {
    let Some(object) = value.as_object().filter(|_| !matches!(kind, Kind::Any)) else { return Ok(value.clone()) };
    let mut clean = Map::new();
    for (name, member) in object {
        let camel = camel_case(name);
        let member_kind = kind_of(kind, &camel).ok_or_else(|| unknown_name(name, place))?;
        let member_place = format!("{place}{}{}", if place.is_empty() { "" } else { "." }, snake_case(&camel));
        let member = match member.as_array() {
            Some(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| known(item, member_kind, &format!("{member_place}[{index}]")))
                .collect::<Checked<Vec<_>>>()?
                .into(),
            None => known(member, member_kind, &member_place)?,
        };
        clean.insert(camel, member);
    }
    Ok(clean.into())
}

fn kind_of(parent: Kind, member: &str) -> Option<Kind> {
    Some(match (parent, member) {
        (Kind::Request | Kind::Count, "contents") | (Kind::Request, "systemInstruction") => Kind::Content,
        (Kind::Request, "generationConfig") => Kind::Config,
        (Kind::Request, "safetySettings") => Kind::Safety,
        (Kind::Count, "generateContentRequest") => Kind::Request,
        (Kind::Content, "parts") => Kind::Part,
        (Kind::Part, "inlineData") => Kind::Blob,
        (Kind::Part, "fileData") => Kind::File,
        (Kind::Config, "thinkingConfig") => Kind::Thinking,
        _ if plain_members(parent).split(' ').any(|known| known == member) => Kind::Any,
        _ => return None,
    })
}

/// The members of a kind that are not looked into, as a list of words.
fn plain_members(kind: Kind) -> &'static str {
    match kind {
        Kind::Request => "model tools toolConfig cachedContent continuationToken serviceTier store",
        Kind::Count => "model",
        Kind::Content => "role",
        Kind::Part => {
            "text functionCall functionResponse executableCode codeExecutionResult videoMetadata thought \
             thoughtSignature partMetadata"
        }
        Kind::Blob => "mimeType data",
        Kind::File => "mimeType fileUri",
        Kind::Config => {
            "candidateCount stopSequences maxOutputTokens temperature topP topK seed responseMimeType responseSchema \
             _responseJsonSchema responseJsonSchema presencePenalty frequencyPenalty responseLogprobs logprobs \
             enableEnhancedCivicAnswers responseModalities speechConfig imageConfig mediaResolution"
        }
        Kind::Thinking => "includeThoughts thinkingBudget thinkingLevel",
        Kind::Safety => "category threshold",
        Kind::Any => "",
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or("").to_owned();
    words.fold(if first.is_empty() { "_".to_owned() } else { first }, |mut all, word| {
        let capital = all != "_";
        all.extend(word.chars().enumerate().map(|(i, c)| if i == 0 && capital { c.to_ascii_uppercase() } else { c }));
        all
    })
}

fn snake_case(name: &str) -> String {
    name.chars().fold(String::new(), |mut all, c| {
        if c.is_ascii_uppercase() {
            all.push('_');
        }
        all.push(c.to_ascii_lowercase());
        all
    })
}

fn unknown_name(name: &str, place: &str) -> Reply {
    let place_named = if place.is_empty() { String::new() } else { format!(" at '{place}'") };
    let text = format!("Invalid JSON payload received. Unknown name \"{name}\"{place_named}: Cannot find field.");
    Reply::json(
        400,
        &json!({"error": {"code": 400, "message": text, "status": "INVALID_ARGUMENT", "details": [{
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": place, "description": text}],
        }]}}),
    )
}

fn invalid(message: &str) -> Reply {
    Reply::error(400, "INVALID_ARGUMENT", message)
}
