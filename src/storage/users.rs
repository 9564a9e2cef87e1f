//! Accounts.

use super::statement::{params, statements};
use super::value::{FromRow, Row};
use super::{Db, Refusal, Write, WriteError};
use crate::domain::ids::UserId;
use crate::domain::locale::LocaleTag;
use crate::domain::phone::Phone;
use crate::domain::plan::Tier;
use crate::domain::text::Name;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::error::Result;

/// The columns that make a [`User`], in its order.
macro_rules! user_columns {
    () => {
        "u.id, u.phone, u.name, u.tier, case when u.password_hash is null then 0 else 1 end, u.created_at"
    };
}
pub(super) use user_columns;

statements! {
    PING = "select count(*) from schema_migrations";
    USER_BY_ID = concat!("select ", user_columns!(), " from users u where u.id = ?1 and u.closed_at is null");
    USER_CHANGED = "update users set name = case when ?2 = 1 then ?3 else name end,
          locale = case when ?4 = 1 then ?5 else locale end
        where id = ?1 and closed_at is null";
    LOCALE_OF = "select locale from users where id = ?1 and closed_at is null";
    ROOMS_EPOCH_BEGUN = "update users set rooms_epoch = rooms_epoch + 1 where id = ?1";
    NAME_FOR_LATER = "insert into phones (phone, pending_name, pending_until) values (?1, ?2, ?3)
        on conflict (phone) do update set pending_name = excluded.pending_name, pending_until = excluded.pending_until";
}

/// What of an account is to change: absent stays, none is cleared.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// What its owner is called.
    pub name: Option<Option<Name>>,
    /// The language its owner wishes for.
    pub locale: Option<Option<LocaleTag>>,
}

impl Db {
    /// The account of that id, unless it is closed.
    pub async fn user(&self, id: UserId) -> Result<Option<User>> {
        self.find(&USER_BY_ID, params![id]).await
    }

    /// Changes an account; refused when it is closed.
    pub async fn change_account(&self, user_id: UserId, change: &AccountChange) -> Result<(), WriteError> {
        let name = change.name.as_ref().map(|new| new.as_ref().map(Name::as_str));
        let locale = change.locale.as_ref().map(|new| new.as_ref().map(LocaleTag::as_str));
        let changed = params![user_id, name.is_some(), name.flatten(), locale.is_some(), locale.flatten()];
        self.write(Write::new().must(&USER_CHANGED, changed, Refusal::NotFound)).await.map(|_| ())
    }

    /// Begins an epoch in which no copy of the user's room list from before it is believed.
    pub async fn begin_rooms_epoch(&self, user_id: UserId) -> Result<()> {
        self.write(Write::new().then(&ROOMS_EPOCH_BEGUN, params![user_id])).await?;
        Ok(())
    }

    /// The language that the owner of an account wishes for.
    pub async fn locale_of(&self, user_id: UserId) -> Result<Option<String>> {
        Ok(self.find::<(Option<String>,)>(&LOCALE_OF, params![user_id]).await?.and_then(|(locale,)| locale))
    }

    /// Keeps the name that a number signed up with, until the account is made by its first right code.
    pub async fn keep_name_for(&self, phone: &Phone, name: &Name, until: Timestamp) -> Result<()> {
        let write = Write::new().then(&NAME_FOR_LATER, params![phone.as_str(), name.as_str(), until]);
        self.write(write).await?;
        Ok(())
    }
}

impl FromRow for User {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self {
            id: row.column()?,
            phone: Phone::from_stored(row.column()?),
            name: row.column()?,
            tier: Tier::from_stored(&row.column::<String>()?),
            has_password: row.column()?,
            created_at: row.column()?,
        })
    }
}
