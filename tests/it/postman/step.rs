//! A step of the collection: what the story says of it, and the item it becomes.

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::story;
use crate::api::operations::Operation;

/// A request of the collection.
pub struct Step {
    name: String,
    /// The operation that it calls; none for a page.
    operation: Option<&'static Operation>,
    told: String,
    body: Option<Value>,
    bare: Option<&'static str>,
    status: Option<&'static str>,
    token: Option<&'static str>,
    places: Vec<(&'static str, &'static str)>,
    headers: Vec<(&'static str, &'static str)>,
    before: Vec<String>,
    judge: Option<&'static str>,
    after: Vec<String>,
}

/// The operations of the document, read once.
pub fn operations() -> &'static [Operation] {
    static ALL: OnceLock<Vec<Operation>> = OnceLock::new();
    ALL.get_or_init(Operation::all)
}

/// A step that calls the operation with that id.
pub fn operation(id: &str) -> Step {
    let found = operations().iter().find(|operation| operation.told["operationId"] == id);
    let operation = found.unwrap_or_else(|| panic!("the story calls {id}, which the document does not have"));
    let text = |name: &str| operation.told[name].as_str().unwrap_or_default().to_owned();
    Step { name: text("summary"), told: text("description"), ..Step::new(Some(operation)) }
}

/// A step that opens no operation but a page, with the scripts before and after it.
pub fn page(name: &str, (before, after): (&'static str, &'static str)) -> Step {
    Step { name: name.to_owned(), judge: Some(after), ..Step::new(None) }.before(before)
}

impl Step {
    fn new(operation: Option<&'static Operation>) -> Self {
        Self {
            name: String::new(),
            operation,
            told: String::new(),
            body: None,
            bare: None,
            status: None,
            token: None,
            places: Vec::new(),
            headers: Vec::new(),
            before: Vec::new(),
            judge: None,
            after: Vec::new(),
        }
    }

    /// Says something to the reader beyond the document.
    pub fn told(mut self, sentence: &str) -> Self {
        self.told.insert_str(0, &format!("{sentence}\n\n"));
        self.told.truncate(self.told.trim_end().len());
        self
    }

    /// Sends this body.
    pub fn with(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    /// Takes the quotation marks off a variable in the body, where a number must stand.
    pub fn unquoted(self, variable: &'static str) -> Self {
        Self { bare: Some(variable), ..self }
    }

    /// Expects this status, where it is not the first good one of the document.
    pub fn answers(self, status: &'static str) -> Self {
        Self { status: Some(status), ..self }
    }

    /// Uses another token than everybody.
    pub fn by(self, token: &'static str) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Fills a place of the path.
    pub fn at(mut self, name: &'static str, value: &'static str) -> Self {
        self.places.push((name, value));
        self
    }

    /// Sends a header.
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Runs a script before the request.
    pub fn before(mut self, script: &str) -> Self {
        self.before.extend(script.lines().map(ToOwned::to_owned));
        self
    }

    /// Runs a script after the answer was checked.
    pub fn after(mut self, script: &str) -> Self {
        self.after.extend(script.lines().map(ToOwned::to_owned));
        self
    }

    /// Checks the answer by a script alone, whatever the document says.
    pub fn judged_by(self, script: &'static str) -> Self {
        Self { judge: Some(script), ..self }
    }

    /// Says what some of the answer is.
    pub fn is(self, sentence: &str, expression: &str, expected: impl Into<Value>) -> Self {
        let expected = expected.into();
        self.after(&format!("pm.test({sentence:?}, () => pm.expect({expression}).to.eql({expected}));"))
    }

    /// Keeps something of the answer for later steps.
    pub fn keeps(self, variable: &str, expression: &str) -> Self {
        self.after(&format!("pm.collectionVariables.set({variable:?}, {expression});"))
    }

    /// The item of the collection.
    pub fn item(&self) -> Value {
        let mut item = json!({"name": self.name, "request": self.request(), "response": []});
        let scripts = [("prerequest", self.before.clone()), ("test", self.checks())];
        let scripts = scripts.into_iter().filter(|(_, lines)| !lines.is_empty());
        let event = |(listen, lines): (&str, Vec<String>)| json!({"listen": listen, "script": {"type": "text/javascript", "exec": lines}});
        item["event"] = scripts.map(event).collect();
        if self.operation.is_none() {
            item["protocolProfileBehavior"] = json!({"followRedirects": false});
        }
        item
    }

    fn checks(&self) -> Vec<String> {
        if let Some(judge) = self.judge {
            return judge.lines().map(ToOwned::to_owned).collect();
        }
        let good = |answers: &Map<String, Value>| answers.keys().find(|status| status.starts_with('2')).cloned();
        let status = self.status.map(ToOwned::to_owned);
        let status = status.or_else(|| good(self.operation?.told["responses"].as_object()?)).unwrap();
        let mut lines =
            vec![format!("pm.test(\"The answer is {status}\", () => pm.response.to.have.status({status}));")];
        if self.after.iter().any(|line| line.contains("answer.")) {
            lines.push("const answer = pm.response.json();".to_owned());
        }
        lines.extend(self.after.iter().cloned());
        lines
    }

    fn request(&self) -> Value {
        let Some(operation) = self.operation else { return story::pay() };
        let mut request = json!({
            "method": operation.method.as_str(), "url": self.url(operation), "header": self.header_list(operation),
        });
        if !self.told.is_empty() {
            request["description"] = json!(self.told);
        }
        if !operation.has_token() {
            request["auth"] = json!({"type": "noauth"});
        }
        if let Some(token) = self.token {
            request["auth"] = json!({"type": "bearer", "bearer": [{"key": "token", "value": token, "type": "string"}]});
        }
        if let Some(body) = &self.body {
            let text = serde_json::to_string_pretty(body).unwrap();
            let text = self.bare.map_or(text.clone(), |bare| text.replace(&format!("\"{bare}\""), bare));
            request["body"] = json!({"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}});
        }
        request
    }

    /// The path with its places as variables, and every parameter of the query, to be switched on by the reader.
    fn url(&self, operation: &Operation) -> Value {
        let path = operation.path.replace('{', ":").replace('}', "");
        let query: Vec<Value> = parameters(operation, "query").map(|one| to_be_set(one, "")).collect();
        let mut url = json!({
            "raw": format!("{{{{base_url}}}}{path}"), "host": ["{{base_url}}"],
            "path": path.trim_start_matches('/').split('/').collect::<Vec<_>>(),
        });
        if !query.is_empty() {
            url["query"] = query.into();
        }
        let place = |one: &Value| {
            let name = one["name"].as_str().unwrap();
            let (_, value) = self.places.iter().find(|(place, _)| *place == name).expect("a value for each place");
            json!({"key": name, "value": value, "description": one["description"]})
        };
        let places: Vec<Value> = parameters(operation, "path").map(place).collect();
        if !places.is_empty() {
            url["variable"] = places.into();
        }
        url
    }

    fn header_list(&self, operation: &Operation) -> Vec<Value> {
        let sent = |name: &str| self.headers.iter().find(|(known, _)| *known == name);
        let told = parameters(operation, "header").map(|one| match sent(one["name"].as_str().unwrap()) {
            Some((name, value)) => json!({"key": name, "value": value, "description": one["description"]}),
            None => to_be_set(one, ""),
        });
        let kind = self.body.as_ref().map(|_| json!({"key": "Content-Type", "value": "application/json"}));
        kind.into_iter().chain(told).collect()
    }
}

fn parameters<'a>(operation: &'a Operation, kind: &'static str) -> impl Iterator<Item = &'a Value> {
    operation.told["parameters"].as_array().into_iter().flatten().filter(move |one| one["in"] == kind)
}

/// A parameter that is there for the reader, and switched off.
fn to_be_set(parameter: &Value, value: &str) -> Value {
    json!({"key": parameter["name"], "value": value, "description": parameter["description"], "disabled": true})
}
