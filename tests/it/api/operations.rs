//! The operations of the document, as tests go through them.

use reqwest::Method;
use serde_json::{Map, Value};

use crate::harness::Client;
use crate::harness::client::Answer;

/// One operation.
#[derive(Debug)]
pub struct Operation {
    pub method: Method,
    pub path: String,
    pub told: Value,
    /// The schema of its body, if it takes one.
    pub schema: Option<Value>,
}

impl Operation {
    pub fn all() -> Vec<Self> {
        let document: Value = serde_json::from_str(&pollux::http::openapi::text()).unwrap();
        let paths = document["paths"].as_object().unwrap().iter();
        paths.flat_map(|(path, item)| Self::of_path(&document, path, item)).collect()
    }

    fn of_path(document: &Value, path: &str, item: &Value) -> Vec<Self> {
        let methods = ["get", "put", "post", "patch", "delete", "head", "options", "trace"];
        let named = methods.iter().filter_map(|method| Some((method.to_uppercase(), item.get(method)?)));
        named
            .map(|(method, told)| {
                let schema = told.pointer("/requestBody/content/application~1json/schema/$ref").map(|reference| {
                    document.pointer(reference.as_str().unwrap().strip_prefix('#').unwrap()).unwrap().clone()
                });
                Self { method: method.parse().unwrap(), path: path.to_owned(), told: told.clone(), schema }
            })
            .collect()
    }

    pub fn has_token(&self) -> bool {
        self.told.get("security").is_some()
    }

    pub fn has_ids(&self) -> bool {
        self.has_token() && self.path.contains('{')
    }

    /// The path with a room and a message in it.
    pub fn at(&self, room: &str, message: &str) -> String {
        self.path.replace("{id}", room).replace("{mid}", message).replace("{code}", "not_found")
    }

    /// The example of its body, made of those of the members.
    pub fn example(&self) -> Option<Value> {
        let members = self.schema.as_ref()?["properties"].as_object().unwrap().iter();
        let examples = members.filter_map(|(name, member)| {
            let example = member.get("example").or_else(|| member.pointer("/examples/0"))?;
            (!example.is_null()).then(|| (name.clone(), example.clone()))
        });
        Some(Value::Object(examples.collect::<Map<_, _>>()))
    }

    /// Sends a request for it.
    pub async fn call(&self, who: &Client, path: &str, body: Option<&Value>) -> Answer {
        let request = who.request(self.method.clone(), path);
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        who.send(request).await
    }

    /// Insists that the document knows the answer's status.
    #[track_caller]
    pub fn check(&self, answer: &Answer) {
        let told = self.told["responses"].get(answer.status.to_string());
        let Some(told) = told else { panic!("{} {} answers {}", self.method, self.path, answer.text) };
        if answer.status >= 400 && answer.code() != "" {
            let schema = &told["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Problem", "{} {} {}", self.method, self.path, answer.status);
        }
    }
}
