//! The shapes of the objects: every member the original sends is there, empty ones as null.

use serde_json::{Map, Value};

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Customer,
    Session,
    Subscription,
    Invoice,
    Charge,
    Dispute,
    Price,
    Portal,
    Endpoint,
}

impl Shape {
    fn text(self) -> &'static str {
        match self {
            Self::Customer => include_str!("shapes/customer.json"),
            Self::Session => include_str!("shapes/session.json"),
            Self::Subscription => include_str!("shapes/subscription.json"),
            Self::Invoice => include_str!("shapes/invoice.json"),
            Self::Charge => include_str!("shapes/charge.json"),
            Self::Dispute => include_str!("shapes/dispute.json"),
            Self::Price => include_str!("shapes/price.json"),
            Self::Portal => include_str!("shapes/portal.json"),
            Self::Endpoint => include_str!("shapes/endpoint.json"),
        }
    }

    /// What its ids begin with.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Customer => "cus_",
            Self::Session => "cs_test_",
            Self::Subscription => "sub_",
            Self::Invoice => "in_",
            Self::Charge => "ch_",
            Self::Dispute => "du_",
            Self::Price => "price_",
            Self::Portal => "bps_",
            Self::Endpoint => "we_",
        }
    }

    /// A new object with these members filled in.
    pub(super) fn with(self, id: &str, members: Value) -> Value {
        let mut object: Value = serde_json::from_str(self.text()).unwrap_or_default();
        set(&mut object, "id", id);
        if let Value::Object(members) = members {
            for (name, value) in members {
                set(&mut object, &name, value);
            }
        }
        object
    }
}

/// Sets the member at a dotted path, where its parent is there; the number of a list's member is a name too.
pub(super) fn set(object: &mut Value, path: &str, value: impl Into<Value>) {
    let (parents, name) = path.rsplit_once('.').unwrap_or(("", path));
    let parent = if parents.is_empty() { Some(object) } else { object.pointer_mut(&pointer(parents)) };
    if let Some(Value::Object(members)) = parent {
        members.insert(name.to_owned(), value.into());
    }
}

fn pointer(path: &str) -> String {
    path.split('.').fold(String::new(), |pointer, name| pointer + "/" + name)
}

/// The members of `before` that are no longer the same: what an event calls the previous attributes.
pub(super) fn difference(before: &Value, after: &Value) -> Value {
    let changed =
        before.as_object().into_iter().flatten().filter(|(name, value)| after.get(name.as_str()) != Some(value));
    Value::Object(changed.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())
}

/// A member as text, or nothing.
pub(super) fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or("")
}

/// A member as a number, or nothing.
pub(super) fn number(object: &Value, path: &str) -> Option<i64> {
    object.pointer(&pointer(path))?.as_i64()
}
