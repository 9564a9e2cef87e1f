//! The Postman collection: made from the document and a story, checked in, and run against the real server.

mod newman;
mod scripts;
mod step;
mod story;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use step::{Step, operations};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/postman/pollux.postman_collection.json");

/// What Postman goes by to tell how a file is written.
const FORM: &str = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";

const DESCRIPTION: &str = "Every operation of Pollux once, in an order that can be run from top to bottom: a new number \
    signs in, talks, goes Pro and signs out. Start `pollux` with nothing set and run the whole collection; with a server \
    elsewhere, set `base_url`. Codes are kept where the server shows them (CODE_DELIVERY=echo); otherwise type `otp` in.";

/// The collection as it is checked in.
fn text() -> String {
    let folder = |(name, told, steps): (&str, &str, Vec<Step>)| {
        let items: Vec<Value> = steps.iter().map(Step::item).collect();
        json!({"name": name, "description": told, "item": items})
    };
    let variable = |(name, value, told): &(&str, &str, &str)| json!({"key": name, "value": value, "type": "string", "description": told});
    let collection = json!({
        "info": {"name": "Pollux", "description": DESCRIPTION, "schema": FORM},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": story::VARIABLES.iter().map(variable).collect::<Vec<_>>(),
        "item": story::folders().into_iter().map(folder).collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&collection).unwrap() + "\n"
}

/// Every request, with its folder.
fn requests() -> Vec<(String, Value)> {
    let collection: Value = serde_json::from_str(&text()).unwrap();
    let folders = collection["item"].as_array().unwrap().iter();
    let items = folders.flat_map(|folder| folder["item"].as_array().unwrap().iter().map(move |item| (folder, item)));
    items.map(|(folder, item)| (folder["name"].as_str().unwrap().to_owned(), item["request"].clone())).collect()
}

/// The operation that a request calls, as the document writes it.
fn called(request: &Value) -> String {
    let path = request["url"]["path"].as_array().unwrap().iter().map(|segment| {
        let segment = segment.as_str().unwrap();
        segment.strip_prefix(':').map_or(segment.to_owned(), |name| format!("{{{name}}}"))
    });
    format!("{} /{}", request["method"].as_str().unwrap(), path.collect::<Vec<_>>().join("/"))
}

#[test]
fn the_collection_is_the_one_checked_in() {
    if std::env::var_os("UPDATE_POSTMAN").is_some() {
        std::fs::write(FILE, text()).unwrap();
    }
    let kept = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(kept == text(), "{FILE} is old: run this with UPDATE_POSTMAN=1 and look at the difference");
}

#[test]
fn every_operation_of_the_document_is_in_it_exactly_once() {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for (_, request) in requests().iter().filter(|(_, request)| request["url"]["host"] == json!(["{{base_url}}"])) {
        *times.entry(called(request)).or_default() += 1;
    }
    for operation in operations() {
        let name = format!("{} {}", operation.method, operation.path);
        let id = &operation.told["operationId"];
        assert_eq!(times.remove(&name), Some(1), "{name}: give {id} one step in tests/it/postman/story.rs");
    }
    assert!(times.is_empty(), "not in the document: {times:?}");
}

#[test]
fn an_operation_stands_in_the_folder_of_its_kind() {
    for (folder, request) in requests() {
        if request["url"]["host"] != json!(["{{base_url}}"]) {
            continue;
        }
        let name = called(&request);
        let operation = operations().iter().find(|known| name == format!("{} {}", known.method, known.path));
        let tag = operation.unwrap().told["tags"][0].as_str().unwrap().to_owned();
        let expected = match (tag.as_str(), name.as_str()) {
            // The last of all.
            (_, "POST /auth/logout") => "sign out",
            ("messages", _) => "chatrooms",
            (tag, _) => tag,
        };
        assert_eq!(folder, expected, "{name}");
    }
}

#[test]
fn every_value_that_is_used_is_declared_and_the_other_way_round() {
    let text = text();
    let used: Vec<&str> = text.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap()).collect();
    for name in used.iter().filter(|name| !name.starts_with('$')) {
        assert!(story::VARIABLES.iter().any(|(known, ..)| known == name), "{name} is declared nowhere");
    }
    for (name, ..) in story::VARIABLES {
        let in_script = format!("\\\"{name}\\\"");
        assert!(used.contains(name) || text.contains(&in_script), "{name} is used nowhere");
    }
}
