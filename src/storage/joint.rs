//! Messages accepted and replies settled on PostgreSQL, many as one. Each is what its list in [`super::replies`] is, and
//! the tests of that file hold both to it.
//!
//! Whoever locks several rows locks them in one order: rooms, then jobs, then days of usage, each by id.

use super::statement::{Sql, Write, params};
use super::together::{Joint, Together};
use super::{Finished, NewExchange, NewKey};
use crate::domain::chat::Status;
use crate::domain::ids::ChatroomId;
use crate::domain::job::{self, DEADLINE, FURTHEST_TURN, Job, NewJob};
use crate::domain::time::Timestamp;
use crate::domain::title;

/// Messages of different users, all with one limit.
pub(super) static ACCEPTED: Joint = Joint { locks: &[], change: &EXCHANGES_ADDED };
/// Replies of different rooms.
pub(super) static ENDED: Joint = Joint { locks: &[(&ROOMS_HELD, ROOM), (&JOBS_HELD, JOB)], change: &REPLIES_FINAL };
/// Every statement of this file, by name.
pub(super) const CATALOGUE: &[(&str, &Sql)] = &[
    ("EXCHANGES_ADDED", &EXCHANGES_ADDED),
    ("ROOMS_HELD", &ROOMS_HELD),
    ("JOBS_HELD", &JOBS_HELD),
    ("REPLIES_FINAL", &REPLIES_FINAL),
];
/// Columns of a reply that are locked by.
const ROOM: usize = 0;
const JOB: usize = 1;

// A key that is taken already breaks the whole, as does anything else that no row answers for; then each goes alone.
static EXCHANGES_ADDED: Sql = Sql::new(
    "with input as (
      select * from unnest(cast(?1 as bytea[]), cast(?2 as bytea[]), cast(?3 as bytea[]), cast(?4 as bytea[]),
        cast(?5 as text[]), cast(?6 as bigint[]), cast(?7 as bigint[]), cast(?8 as bigint[]), cast(?9 as bigint[]),
        cast(?10 as text[]), cast(?11 as text[]), cast(?12 as bytea[]), cast(?13 as text[]), cast(?14 as text[]),
        cast(?15 as text[]))
        with ordinality as i (user_id, room, message, reply, content, day, turn_at, now, deadline_at, route, key, fingerprint,
          answer, trace_parent, first_words, n)
    ), rooms as (
      select i.n from chatrooms c join input i on i.room = c.id and i.user_id = c.user_id order by c.id for update of c
    ), taken as (
      insert into usage as u (user_id, day, used, turn_at)
      select i.user_id, i.day, 1, i.turn_at from input i join rooms r on r.n = i.n
      where (cast(?16 as bigint[]))[1] > 0 order by i.user_id
      on conflict (user_id, day) do update set used = u.used + 1,
        turn_at = case when u.turn_at + (cast(?17 as bigint[]))[1] <= excluded.turn_at then excluded.turn_at
          when u.turn_at + (cast(?17 as bigint[]))[1] >= excluded.turn_at + (cast(?18 as bigint[]))[1]
            then excluded.turn_at + (cast(?18 as bigint[]))[1]
          else u.turn_at + (cast(?17 as bigint[]))[1] end
        where u.used < (cast(?16 as bigint[]))[1]
      returning u.user_id, u.used, u.turn_at
    ), kept as (
      insert into idempotency_keys (user_id, route, key, fingerprint, answer, quota_used, created_at)
      select i.user_id, i.route, i.key, i.fingerprint, i.answer, t.used, i.now
      from input i join taken t on t.user_id = i.user_id where i.key is not null
    ), moved as (
      update chatrooms c set last_seq = c.last_seq + 2, open_replies = c.open_replies + 1, updated_at = i.now,
        name = case when c.named = 0 and c.last_seq = 0 then i.first_words else c.name end
      from input i join taken t on t.user_id = i.user_id where c.id = i.room
      returning c.id, c.last_seq, c.open_replies, t.used, t.turn_at as turn, i.*
    ), said as (
      insert into messages (chatroom_id, seq, id, role, content, status, reply_to, quota_day, created_at)
      select m.room, m.last_seq - 1, m.message, 'user', m.content, 'complete', cast(null as bytea), cast(null as bigint),
        m.now from moved m
      union all
      select m.room, m.last_seq, m.reply, 'assistant', '', 'pending', m.message, m.day, m.now from moved m
    ), queued as (
      insert into jobs (id, kind, subject, user_id, chatroom_id, seq, state, turn_at, run_at, created_at, deadline_at,
        trace_parent)
      select m.reply, 'reply', m.reply, m.user_id, m.room, m.last_seq,
        case when m.open_replies > 1 then 'blocked' else 'ready' end, m.turn, m.now, m.now, m.deadline_at, m.trace_parent
      from moved m
    )
    select i.n, case when r.n is null then 'not_found' when m.n is null then 'quota_exceeded' end, m.used
    from input i left join rooms r on r.n = i.n left join moved m on m.n = i.n",
);

static ROOMS_HELD: Sql =
    Sql::new("select id from chatrooms where id = any(cast(?1 as bytea[])) order by id for update");

// Renewals lock the same jobs in an order of their own: whoever meets one does not wait with others' rows in hand.
static JOBS_HELD: Sql =
    Sql::new("select id from jobs where id = any(cast(?1 as bytea[])) order by id for update nowait");

// The rooms are held before this begins, so it sees whatever was accepted into them. A job is found by its id: see
// `JOB_DONE`.
static REPLIES_FINAL: Sql = Sql::new(
    "with input as (
      select * from unnest(cast(?1 as bytea[]), cast(?2 as bytea[]), cast(?3 as bigint[]), cast(?4 as bytea[]),
        cast(?5 as bigint[]), cast(?6 as text[]), cast(?7 as text[]), cast(?8 as text[]), cast(?9 as text[]),
        cast(?10 as text[]), cast(?11 as bigint[]), cast(?12 as bigint[]), cast(?13 as bigint[]), cast(?14 as bigint[]),
        cast(?15 as bigint[]), cast(?16 as bigint[]))
        with ordinality as i (room, job, attempt, user_id, seq, content, status, outcome, error, model, prompt_tokens,
          reply_tokens, failed, now, title_turn_at, title_deadline_at, n)
    ), done as (
      delete from jobs j using input i join chatrooms c on c.id = i.room and c.user_id = i.user_id
      where j.id = i.job and j.attempt = i.attempt and coalesce(j.state, '') = 'running' and i.failed = 0 returning i.n
    ), dead as (
      update jobs j set state = 'dead', worker = null, lease_until = null, last_error = i.error
      from input i join chatrooms c on c.id = i.room and c.user_id = i.user_id
      where j.id = i.job and j.attempt = i.attempt and coalesce(j.state, '') = 'running' and i.failed = 1 returning i.n
    ), ended as (
      select i.* from input i where i.n in (select n from done union all select n from dead)
    ), less as (
      update chatrooms c set open_replies = c.open_replies - 1 from ended e where c.id = e.room
    ), next as (
      update jobs j set state = 'ready' from ended e cross join lateral (select m.id from messages m
          where m.chatroom_id = e.room and m.seq > e.seq and m.status = 'pending' order by m.seq limit 1) follows
      where j.id = follows.id and j.state = 'blocked'
    ), final as (
      update messages m set content = e.content, status = e.status, outcome = e.outcome, error = e.error,
        model = coalesce(e.model, m.model), prompt_tokens = e.prompt_tokens, reply_tokens = e.reply_tokens,
        attempt = e.attempt, finished_at = e.now
      from ended e where m.id = e.job
      returning m.quota_day, e.user_id, e.failed, e.prompt_tokens, e.reply_tokens
    ), settled as (
      update usage u set used = u.used - s.failed, prompt_tokens = u.prompt_tokens + s.prompt_tokens,
        reply_tokens = u.reply_tokens + s.reply_tokens
      from (select user_id, quota_day, cast(sum(failed) as bigint) as failed,
            cast(sum(prompt_tokens) as bigint) as prompt_tokens, cast(sum(reply_tokens) as bigint) as reply_tokens
          from final group by user_id, quota_day order by user_id, quota_day) s
      where u.user_id = s.user_id and u.day = s.quota_day
    ), titled as (
      insert into jobs (id, kind, subject, user_id, seq, state, turn_at, run_at, created_at, deadline_at)
      select e.room, 'title_room', e.room, e.user_id, 0, 'ready', e.title_turn_at, e.now, e.now, e.title_deadline_at
      from ended e join chatrooms c on c.id = e.room
      where e.title_turn_at is not null and c.named = 0 on conflict (id) do nothing
    )
    select i.n, case when e.n is null then 'lease_lost' end, cast(0 as bigint)
    from input i left join ended e on e.n = i.n",
);

/// A message, to go with those of other users.
pub(super) fn accepted(new: &NewExchange<'_>, key: Option<&NewKey>, alone: Write) -> Together {
    let NewExchange { content, asked: new } = new;
    let limit = new.limit.map_or(i64::MAX, i64::from);
    let mut row = params![
        new.user_id,
        new.chatroom_id,
        new.message_id,
        new.reply_id,
        *content,
        new.day,
        job::turn_base(new.now, new.tier),
        new.now,
        new.now + DEADLINE,
        key.map(|key| key.route.as_str()),
        key.map(|key| key.key.as_str()),
        key.map(|key| key.fingerprint),
        key.map(|key| key.answer.as_str()),
        new.trace_parent.clone(),
        title::first_words(content),
        limit,
        job::turn_spacing_ms(),
    ];
    row.push(i64::try_from(FURTHEST_TURN.as_millis()).unwrap_or(i64::MAX).into());
    // Whether a key was taken before is told first, and by its own list alone.
    Together { group: limit, about: new.user_id.bytes(), row, alone, is_refused_alone: key.is_some() }
}

/// A reply's end, to go with those in other rooms.
pub(super) fn ended((job, done, title): (&Job, &Finished, Option<NewJob>), now: Timestamp, alone: Write) -> Together {
    let status = done.outcome.status();
    let row = params![
        job.chatroom_id,
        job.id,
        job.attempt,
        job.user_id,
        job.seq,
        done.content.as_str(),
        status.as_str(),
        done.outcome.as_str(),
        done.error,
        done.model.clone(),
        done.usage.prompt_tokens,
        done.usage.reply_tokens,
        status == Status::Failed,
        now,
        title.map(|title| title.turn_at()),
        title.map(|title| title.deadline_at)
    ];
    Together {
        group: 0,
        about: job.chatroom_id.map_or([0; 16], ChatroomId::bytes),
        row,
        alone,
        is_refused_alone: false,
    }
}
