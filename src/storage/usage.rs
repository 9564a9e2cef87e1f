//! The daily quota: one row a user and day, raised only below its limit, in the transaction of the message.

use super::statement::{params, statements};
use super::{Db, Refusal, Write};
use crate::domain::ids::UserId;
use crate::domain::plan::DailyLimit;
use crate::domain::time::Day;
use crate::error::Result;

statements! {
    UNIT_TAKEN = "insert into usage (user_id, day, used) select ?1, ?2, 1 where cast(?3 as bigint) > 0
        on conflict (user_id, day) do update set used = usage.used + 1 where usage.used < ?3";
    USED = "select used from usage where user_id = ?1 and day = ?2";
    USER_HELD = "update users set tier = tier where id = ?1";
}

/// Adds the step that takes a unit; refused when the day is used up, however many try at once.
pub(super) fn one_unit(write: Write, user_id: UserId, day: Day, limit: DailyLimit) -> Write {
    let limit = limit.map_or(i64::MAX, i64::from);
    write.must(&UNIT_TAKEN, params![user_id, day, limit], Refusal::QuotaExceeded)
}

impl Db {
    /// Messages a user has used on a day.
    pub async fn used(&self, user_id: UserId, day: Day) -> Result<u32> {
        let row: Option<(u32,)> = self.find(&USED, params![user_id, day]).await?;
        Ok(row.map_or(0, |(used,)| used))
    }
}
