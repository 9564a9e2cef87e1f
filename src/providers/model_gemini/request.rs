//! What Gemini is sent: camelCase names, no empty text, and none of the members it deprecates (temperature, topP,
//! topK) or refuses (candidateCount).

use serde::Serialize;

use crate::providers::model::{ModelError, ModelFault, Prompt, Speaker};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<Content<'a>>,
    contents: Vec<Content<'a>>,
    generation_config: GenerationConfig<'a>,
}

#[derive(Serialize)]
struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    parts: [Part<'a>; 1],
}

#[derive(Serialize)]
struct Part<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GenerationConfig<'a> {
    max_output_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<ThinkingConfig<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ThinkingConfig<'a> {
    thinking_level: &'a str,
}

/// Models before the third generation take a budget of tokens instead, and refuse a level.
fn takes_levels(model: &str) -> bool {
    !model.starts_with("gemini-1") && !model.starts_with("gemini-2")
}

/// Writes the body of a call; a conversation that Gemini would refuse is refused here, without a call.
pub(super) fn body(prompt: &Prompt, thinking_level: Option<&str>) -> Result<Vec<u8>, ModelError> {
    let contents: Vec<_> = prompt.turns.iter().filter(|turn| !turn.text.is_empty()).map(content).collect();
    if contents.last().is_none_or(|last| last.role != Some("user")) {
        return Err(refused("the conversation does not end with words of the user"));
    }
    let instructions = prompt.instructions.as_deref().filter(|text| !text.is_empty());
    let request = Request {
        system_instruction: instructions.map(|text| Content { role: None, parts: [Part { text }] }),
        contents,
        generation_config: GenerationConfig {
            max_output_tokens: prompt.max_output_tokens,
            thinking_config: thinking_level
                .filter(|_| takes_levels(&prompt.model))
                .map(|thinking_level| ThinkingConfig { thinking_level }),
        },
    };
    serde_json::to_vec(&request).map_err(|_| refused("the conversation can't be written as JSON"))
}

fn content(turn: &crate::providers::model::Turn) -> Content<'_> {
    let role = match turn.speaker {
        Speaker::User => "user",
        Speaker::Model => "model",
    };
    Content { role: Some(role), parts: [Part { text: &turn.text }] }
}

fn refused(note: &str) -> ModelError {
    ModelError { fault: ModelFault::Rejected, retry_after: None, note: note.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::providers::model::Turn;

    fn prompt(turns: &[(Speaker, &str)]) -> Prompt {
        Prompt {
            model: "gemini-3.8-flash".into(),
            instructions: None,
            turns: turns.iter().map(|&(speaker, text)| Turn { speaker, text: text.into() }).collect(),
            max_output_tokens: 100,
        }
    }

    #[test]
    fn the_whole_conversation_is_written_in_camel_case() {
        let asked = Prompt {
            instructions: Some("Be brief.".into()),
            ..prompt(&[(Speaker::User, "Hi"), (Speaker::Model, "Hello"), (Speaker::User, "Why?")])
        };
        let sent: Value = serde_json::from_slice(&body(&asked, Some("low")).unwrap()).unwrap();
        let expected = json!({
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [
                {"role": "user", "parts": [{"text": "Hi"}]},
                {"role": "model", "parts": [{"text": "Hello"}]},
                {"role": "user", "parts": [{"text": "Why?"}]},
            ],
            "generationConfig": {"maxOutputTokens": 100, "thinkingConfig": {"thinkingLevel": "low"}},
        });
        assert_eq!(sent, expected);
    }

    #[test]
    fn what_is_not_set_is_not_sent() {
        let asked = Prompt { instructions: Some(String::new()), ..prompt(&[(Speaker::User, "Hi")]) };
        let sent: Value = serde_json::from_slice(&body(&asked, None).unwrap()).unwrap();
        let expected = json!({
            "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
            "generationConfig": {"maxOutputTokens": 100},
        });
        assert_eq!(sent, expected);
    }

    #[test]
    fn a_conversation_that_does_not_end_with_the_user_is_refused() {
        for turns in [&[][..], &[(Speaker::User, "Hi"), (Speaker::Model, "Hello")], &[(Speaker::User, "")]] {
            assert_eq!(body(&prompt(turns), None).unwrap_err().fault, ModelFault::Rejected);
        }
    }
}
