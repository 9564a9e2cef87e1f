//! Parameters, from a body or a query: nested as `a[b]`, lists as `a[0]` or `a[]`.

use reqwest::Url;
use serde_json::{Map, Value};

use super::reply::Reply;

/// The parameters of a call, in the order they came, lists numbered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads the encoded text of a body or a query.
    pub(super) fn parse(text: &str) -> Self {
        let Ok(mut url) = Url::parse("http://form/") else { return Self::default() };
        url.set_query(Some(text));
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in url.query_pairs().filter(|(name, _)| !name.is_empty()) {
            let name = numbered(&name, &pairs);
            pairs.push((name, value.into_owned()));
        }
        Self(pairs)
    }

    /// The parameter, unless it is missing or empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.raw(name).filter(|value| !value.is_empty())
    }

    /// The parameter, empty ones too: an empty one takes a value away.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The members of a list.
    pub(super) fn list<'a>(&'a self, name: &str) -> Vec<&'a str> {
        let prefix = format!("{name}[");
        self.0.iter().filter(|(known, _)| known.starts_with(&prefix)).map(|(_, value)| value.as_str()).collect()
    }

    /// The members of a map of texts, such as `metadata`.
    pub(super) fn map(&self, name: &str) -> Value {
        let prefix = format!("{name}[");
        let member = |(known, value): &(String, String)| {
            let inner = known.strip_prefix(&prefix)?.strip_suffix(']')?;
            Some((inner.to_owned(), Value::from(value.as_str())))
        };
        Value::Object(self.0.iter().filter_map(member).collect::<Map<_, _>>())
    }

    /// A parameter as a number.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Reply> {
        let Some(text) = self.get(name) else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|_| Reply::invalid("parameter_invalid_integer", name, &format!("Invalid integer: {text}")))
    }

    /// Refuses what the call does not take.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Reply> {
        let top = |name: &str| name.split('[').next().unwrap_or("").to_owned();
        let stranger =
            self.0.iter().map(|(name, _)| top(name)).find(|name| name != "expand" && !known.contains(&name.as_str()));
        stranger.map_or(Ok(()), |name| {
            Err(Reply::invalid("parameter_unknown", &name, &format!("Received unknown parameter: {name}")))
        })
    }

    /// The parameter, or the refusal the original has for its absence.
    pub(super) fn required(&self, name: &str) -> Result<&str, Reply> {
        self.get(name).ok_or_else(|| missing(name))
    }

    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The same for the same parameters, in whatever order they came.
    pub(super) fn fingerprint(&self) -> String {
        let mut pairs = self.0.clone();
        pairs.sort();
        format!("{pairs:?}")
    }
}

/// The refusal of a call that lacks a parameter.
pub(super) fn missing(name: &str) -> Reply {
    Reply::invalid("parameter_missing", name, &format!("Missing required param: {name}."))
}

/// Turns the first `[]` of a name into the number it stands for.
fn numbered(name: &str, before: &[(String, String)]) -> String {
    let Some((list, rest)) = name.split_once("[]") else { return name.to_owned() };
    let taken = |index: &usize| {
        let candidate = format!("{list}[{index}]{rest}");
        before.iter().any(|(known, _)| *known == candidate)
    };
    let index = (0..=before.len()).find(|index| !taken(index)).unwrap_or(0);
    format!("{list}[{index}]{rest}")
}
