//! Lists in pages. A cursor says where the next page begins; it is sealed with the user and the list it was made for,
//! so that an altered or borrowed one is refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use utoipa::IntoParams;

use super::form::{Fields, Form};
use crate::app::App;
use crate::domain::ids::UserId;
use crate::domain::keys;
use crate::error::{Code, Error, Result};

const TAG: usize = 16;
const DEFAULT_LIMIT: u32 = 50;
const MOST: u32 = 100;

/// Which page of a list is asked for.
#[derive(Clone, Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// How many, 1 to 100; 50 when absent.
    #[param(minimum = 1, maximum = 100, default = 50, required = false)]
    pub limit: u32,
    /// Where to go on: `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    pub cursor: Option<String>,
}

impl Form for Page {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let limit = fields.optional(&["limit"], parse_limit);
        let cursor = fields.optional(&["cursor"], |text| Ok(text.to_owned()));
        Some(Self { limit: limit?.unwrap_or(DEFAULT_LIMIT), cursor: cursor? })
    }
}

/// Digits alone: no sign, no exponent, no leading zero to hide one behind.
fn parse_limit(text: &str) -> Result<u32, &'static str> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    let limit = if is_plain { text.parse().ok() } else { None };
    limit.filter(|limit| (1..=MOST).contains(limit)).ok_or("out_of_range")
}

/// One list of one user, as cursors are sealed with it.
#[derive(Clone, Copy, Debug)]
pub struct List<'a> {
    /// The user.
    pub user: UserId,
    /// The list: its name, and what else it was asked by.
    pub name: &'a str,
}

impl List<'_> {
    /// Seals a place.
    #[must_use]
    pub fn seal(&self, app: &App, place: &[u8]) -> String {
        BASE64.encode([&self.tag(app, place)[..], place].concat())
    }

    /// Opens a cursor made for this very list.
    pub fn open<const N: usize>(&self, app: &App, cursor: &str) -> Result<[u8; N]> {
        let invalid = || Error::new(Code::InvalidCursor, "This cursor is not one of this list's.");
        let bytes = BASE64.decode(cursor).map_err(|_| invalid())?;
        let (tag, place) = bytes.split_at_checked(TAG).ok_or_else(invalid)?;
        if !keys::same(tag, &self.tag(app, place)) {
            return Err(invalid());
        }
        place.try_into().map_err(|_| invalid())
    }

    fn tag(&self, app: &App, place: &[u8]) -> [u8; TAG] {
        app.keys.cursor_mac(&[&self.user.bytes(), self.name.as_bytes(), place])
    }
}

/// Cuts a list that was read one longer than asked, and tells the place of the last kept item if there are more.
pub fn cut<T, P>(items: &mut Vec<T>, limit: u32, place: impl FnOnce(&T) -> P) -> Option<P> {
    let limit = limit as usize;
    if items.len() <= limit {
        return None;
    }
    items.truncate(limit);
    items.last().map(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_plain_number_from_1_to_100() {
        assert_eq!(parse_limit("1"), Ok(1));
        assert_eq!(parse_limit("100"), Ok(100));
        for odd in ["0", "101", "-1", "+5", "1e3", "", " 5", "05", "5.0", "٥", "99999999999"] {
            assert!(parse_limit(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_list_with_more_tells_where_it_was_cut() {
        let mut items = vec![1, 2, 3];
        assert_eq!(cut(&mut items, 2, |last| *last), Some(2));
        assert_eq!(items, [1, 2]);
        assert_eq!(cut(&mut items, 2, |last| *last), None);
    }
}
