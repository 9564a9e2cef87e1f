//! Accounts.

use super::Db;
use super::statement::{params, statements};
use super::value::{FromRow, Row};
use crate::domain::ids::UserId;
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
    TIER_SET = "update users set tier = ?2 where id = ?1";
    USER_BY_ID = concat!("select ", user_columns!(), " from users u where u.id = ?1");
    NAME_FOR_LATER = "insert into phones (phone, pending_name, pending_until) values (?1, ?2, ?3)
        on conflict (phone) do update set pending_name = excluded.pending_name, pending_until = excluded.pending_until";
}

impl Db {
    /// The account of that id.
    pub async fn user(&self, id: UserId) -> Result<Option<User>> {
        self.find(&USER_BY_ID, params![id]).await
    }

    /// Puts a user on a plan. Billing will be the one to call it; until then only tests do.
    #[doc(hidden)]
    pub async fn set_tier_for_tests(&self, id: UserId, tier: &str) -> Result<()> {
        self.write(super::Write::new().then(&TIER_SET, params![id, tier])).await?;
        Ok(())
    }

    /// Keeps the name that a number signed up with, until the account is made by its first right code.
    pub async fn keep_name_for(&self, phone: &Phone, name: &Name, until: Timestamp) -> Result<()> {
        let write = super::Write::new().then(&NAME_FOR_LATER, params![phone.as_str(), name.as_str(), until]);
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
