//! Closed inputs: every member is named here or refused, and every flaw of a body is told at once.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::app::App;
use crate::error::{Error, Flaw, Result};

/// Query keys of earlier systems' clients that have no effect, on any route.
const IGNORED_KEYS: [&str; 5] = ["page", "per_page", "use_cache", "include_messages", "message_limit"];

/// A type that a body or a query is read into.
pub trait Form: Sized {
    /// True for a form whose body may be absent.
    const MAY_BE_ABSENT: bool = false;
    /// True for a form whose answer can be a stream of events.
    const MAY_STREAM: bool = false;

    /// Takes the members; none when some are wrong, which `fields` has noted.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;
}

/// The members of a body or a query, taken one by one.
pub struct Fields<'a> {
    app: &'a App,
    members: Map<String, Value>,
    prefix: char,
    flaws: Vec<Flaw>,
}

/// A member may have other names, for the clients of earlier systems; the first is the one that answers use.
pub type Names = &'static [&'static str];

impl<'a> Fields<'a> {
    /// Reads a form from a body.
    pub fn read_body<T: Form>(app: &'a App, body: Value) -> Result<T> {
        match body {
            Value::Object(members) => Self { app, members, prefix: '/', flaws: Vec::new() }.fill(),
            _ => Err(Error::invalid("", "not_an_object")),
        }
    }

    /// Reads a form from a query; a key that stands twice is refused.
    pub fn read_query<T: Form>(app: &'a App, query: &str) -> Result<T> {
        let mut fields = Self { app, members: Map::new(), prefix: '?', flaws: Vec::new() };
        if query.is_empty() {
            return fields.fill();
        }
        for (key, value) in
            reqwest::Url::parse(&format!("http://x/?{query}")).map_err(|_| Error::invalid("?", "query"))?.query_pairs()
        {
            if fields.members.insert(key.clone().into_owned(), Value::String(value.into_owned())).is_some() {
                fields.flaw(&key, "duplicate");
            }
        }
        for key in IGNORED_KEYS {
            fields.ignored(key);
        }
        fields.fill()
    }

    fn fill<T: Form>(mut self) -> Result<T> {
        let form = T::read(&mut self);
        let unknown: Vec<String> = self.members.keys().cloned().collect();
        for name in unknown {
            self.flaw(&name, "unknown_member");
        }
        match form {
            Some(form) if self.flaws.is_empty() => Ok(form),
            _ => Err(Error::invalid_all(self.flaws)),
        }
    }

    /// The settings and the rest, for rules that depend on them.
    #[must_use]
    pub fn app(&self) -> &'a App {
        self.app
    }

    /// A text that must be there.
    pub fn required<T>(&mut self, names: Names, parse: impl FnOnce(&str) -> Result<T, &'static str>) -> Option<T> {
        let (name, value) = self.take(names).or_else(|| {
            self.flaw(names[0], "required");
            None
        })?;
        self.parsed(name, &value, parse)
    }

    /// A text that may be absent: the outer option is none when it is wrong.
    pub fn optional<T>(
        &mut self,
        names: Names,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<Option<T>> {
        match self.take(names) {
            None => Some(None),
            Some((name, value)) => self.parsed(name, &value, parse).map(Some),
        }
    }

    /// A text that may be absent or null: wrong, absent, null, present.
    pub fn nullable<T>(
        &mut self,
        names: Names,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<Option<Option<T>>> {
        match self.take(names) {
            None => Some(None),
            Some((_, Value::Null)) => Some(Some(None)),
            Some((name, value)) => self.parsed(name, &value, parse).map(|value| Some(Some(value))),
        }
    }

    /// A member that can only be taken away: true for null, false where it is absent, none where it is anything else.
    pub fn only_null(&mut self, name: &'static str) -> Option<bool> {
        match self.members.remove(name) {
            None => Some(false),
            Some(Value::Null) => Some(true),
            Some(_) => {
                self.flaw(name, "not_null");
                None
            }
        }
    }

    /// A text whose absence is not a flaw of the body but told in another way, and so is another type.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.members.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// A list of texts that must be there, of a length within bounds.
    pub fn texts(&mut self, name: &str, lengths: RangeInclusive<usize>) -> Option<Vec<String>> {
        let Some(value) = self.members.remove(name) else {
            self.flaw(name, "required");
            return None;
        };
        let Value::Array(values) = value else {
            self.flaw(name, "not_a_list");
            return None;
        };
        if !lengths.contains(&values.len()) {
            self.flaw(name, "out_of_range");
            return None;
        }
        let texts = values.into_iter().map(|value| if let Value::String(text) = value { Some(text) } else { None });
        let texts: Option<Vec<String>> = texts.collect();
        if texts.is_none() {
            self.flaw(name, "not_a_text");
        }
        texts
    }

    /// A member that is accepted and has no effect.
    pub fn ignored(&mut self, name: &str) {
        self.members.remove(name);
    }

    /// The name that a member came under: asked before it is taken, for flaws that show only later.
    #[must_use]
    pub fn sent_as(&self, names: Names) -> &'static str {
        names.iter().copied().find(|name| self.members.contains_key(*name)).unwrap_or(names[0])
    }

    /// Notes a flaw.
    pub fn flaw(&mut self, name: &str, code: &'static str) {
        let name = name.replace('~', "~0").replace('/', "~1");
        self.flaws.push(Flaw { pointer: format!("{}{name}", self.prefix), code });
    }

    fn parsed<T>(
        &mut self,
        name: &'static str,
        value: &Value,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let Value::String(text) = value else {
            self.flaw(name, "not_a_text");
            return None;
        };
        parse(text).map_err(|code| self.flaw(name, code)).ok()
    }

    /// Takes a member under whichever of its names it came; two names with different values are a flaw.
    fn take(&mut self, names: Names) -> Option<(&'static str, Value)> {
        let mut found: BTreeMap<usize, Value> = BTreeMap::new();
        for (index, name) in names.iter().enumerate() {
            if let Some(value) = self.members.remove(*name) {
                found.insert(index, value);
            }
        }
        let (first, value) = found.pop_first()?;
        for (index, other) in found {
            if other != value {
                self.flaw(names[index], "alias_conflict");
            }
        }
        Some((names[first], value))
    }
}

/// No members at all.
#[derive(Debug)]
pub struct Nothing;

impl Form for Nothing {
    const MAY_BE_ABSENT: bool = true;

    fn read(_: &mut Fields<'_>) -> Option<Self> {
        Some(Self)
    }
}
