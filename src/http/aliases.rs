//! Paths of ours under the names that five earlier systems gave them. Their clients go on as they are: the door asks this
//! table before anything goes by the path, so each request has the one path that handlers, limits and checks know.

use std::borrow::Cow;

/// Stands for one segment, which both names of a path share.
const ID: &str = "{id}";

/// What each older name is called here.
pub const ALIASES: [Alias; 7] = [
    Alias::new("/subscription/pro", "/subscribe/pro"),
    Alias::new("/subscription/subscribe/pro", "/subscribe/pro"),
    Alias::new("/subscribe/status", "/subscription/status"),
    Alias::new("/webhooks/stripe", "/webhook/stripe"),
    Alias::new("/subscribe/webhook", "/webhook/stripe"),
    Alias::new("/subscription/webhook/stripe", "/webhook/stripe"),
    Alias::new("/message/chatroom/{id}/message", "/chatroom/{id}/message"),
];

/// An older name of a path.
#[derive(Clone, Copy, Debug)]
pub struct Alias {
    /// The older name.
    pub older: &'static str,
    /// The path as it is documented.
    pub path: &'static str,
    /// What stands before and after the id in the older name, split when this is compiled.
    around_id: Option<(&'static str, &'static str)>,
}

/// The documented path for an older name, or nothing for a path that is none. Nearly every path is none, and learns it
/// by seven comparisons.
#[must_use]
pub fn canonical(path: &str) -> Option<Cow<'static, str>> {
    ALIASES.iter().find_map(|alias| alias.resolve(path))
}

impl Alias {
    const fn new(older: &'static str, path: &'static str) -> Self {
        Self { older, path, around_id: split_at_id(older) }
    }

    fn resolve(&self, asked: &str) -> Option<Cow<'static, str>> {
        let Some((before, after)) = self.around_id else {
            return (asked == self.older).then_some(Cow::Borrowed(self.path));
        };
        let id = asked.strip_prefix(before)?.strip_suffix(after)?;
        let is_segment = !id.is_empty() && !id.contains('/');
        is_segment.then(|| Cow::Owned(self.path.replace(ID, id)))
    }
}

const fn split_at_id(path: &str) -> Option<(&str, &str)> {
    let mut at = 0;
    while at < path.len() {
        if path.as_bytes()[at] == b'{' {
            let (before, rest) = path.split_at(at);
            return Some((before, rest.split_at(ID.len()).1));
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_older_name_leads_to_a_path_that_is_none() {
        for alias in ALIASES {
            let asked = alias.older.replace(ID, "7");
            let path = canonical(&asked).unwrap();
            assert_eq!(path, alias.path.replace(ID, "7"), "{asked}");
            assert_eq!(canonical(&path), None, "{path} has another name");
        }
    }

    #[test]
    fn what_is_only_like_an_older_name_is_none() {
        for path in [
            "",
            "/",
            "/subscription",
            "/subscription/status",
            "/subscription/pro/",
            "/Subscription/pro",
            "subscription/pro",
            "/webhook%73/stripe",
            "/message/chatroom//message",
            "/message/chatroom/message",
            "/message/chatroom/7/messages",
            "/message/chatroom/7/8/message",
            "/message/chatroom/7/message/8",
            "/message/message/chatroom/7/message",
            "/message/chatroom/{id}",
        ] {
            assert_eq!(canonical(path), None, "{path}");
        }
    }

    #[test]
    fn an_id_is_taken_over_as_it_stands() {
        for id in ["%2e%2e", "..", "a%2fb", "{id}", "%ff"] {
            assert_eq!(
                canonical(&format!("/message/chatroom/{id}/message")).unwrap(),
                format!("/chatroom/{id}/message")
            );
        }
    }
}
