//! The daily quota: one row a user and day, raised only below its limit, in the transaction of the message.

use super::statement::{params, statements};
use super::value::{FromRow, Row};
use super::{Db, Refusal, Write, WriteError, Written};
use crate::domain::ids::UserId;
use crate::domain::job;
use crate::domain::plan::DailyLimit;
use crate::domain::time::{Day, Timestamp};
use crate::domain::usage::{DayUsage, Span};
use crate::error::Result;

statements! {
    // The user's turn in the queue moves on with each unit: never before `?4`, by `?5` from the last one, and at most `?6`.
    UNIT_TAKEN = "insert into usage (user_id, day, used, turn_at) select ?1, ?2, 1, ?4 where cast(?3 as bigint) > 0
        on conflict (user_id, day) do update set used = usage.used + 1,
          turn_at = case when usage.turn_at + ?5 <= ?4 then ?4
            when usage.turn_at + ?5 >= ?6 then ?6 else usage.turn_at + ?5 end
        where usage.used < ?3";
    USED = "select used from usage where user_id = ?1 and day = ?2";
    USER_HELD = "update users set tier = tier where id = ?1 and closed_at is null";
    USAGE = "select day, used, prompt_tokens, reply_tokens from usage
        where user_id = ?1 and day >= ?2 and day <= ?3 order by day";
}

/// Adds the step that takes a unit, and with it the next turn in the queue; refused when the day is used up, however
/// many try at once.
pub(super) fn one_unit(write: Write, user_id: UserId, day: Day, limit: DailyLimit, turn: Timestamp) -> Write {
    let limit = limit.map_or(i64::MAX, i64::from);
    let taken = params![user_id, day, limit, turn, job::turn_spacing_ms(), turn + job::FURTHEST_TURN];
    write.must(&UNIT_TAKEN, taken, Refusal::QuotaExceeded)
}

/// Adds the last step, which reads the day's use back; see [`of_last`].
pub(super) fn read_back(write: Write, user_id: UserId, day: Day) -> Write {
    write.then(&USED, params![user_id, day])
}

/// The day's use that a write read back.
pub(super) fn of_last(written: Written) -> Result<u32, WriteError> {
    let used: Vec<(u32,)> = written.last().map_err(WriteError::Failed)?;
    Ok(used.first().map_or(0, |(used,)| *used))
}

impl Db {
    /// Messages a user has used on a day.
    pub async fn used(&self, user_id: UserId, day: Day) -> Result<u32> {
        let row: Option<(u32,)> = self.find(&USED, params![user_id, day]).await?;
        Ok(row.map_or(0, |(used,)| used))
    }

    /// What a user has used on the days of a span, without those of nothing.
    pub async fn usage(&self, user_id: UserId, span: Span) -> Result<Vec<DayUsage>> {
        self.list(&USAGE, params![user_id, span.from, span.to]).await
    }
}

impl FromRow for DayUsage {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self {
            day: row.column()?,
            messages: row.column()?,
            prompt_tokens: row.column()?,
            reply_tokens: row.column()?,
        })
    }
}
