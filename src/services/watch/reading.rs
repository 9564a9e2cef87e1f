//! What a watcher reads from the database: where it begins, and what is new since it last looked.

use std::time::Duration;

use tokio::time::Instant;

use super::timing::{DEAF, DEAF_AND_IDLE, SOON, spread};
use super::{Event, From, OpenReply, Told, Watcher};
use crate::domain::chat::{Message, Role, Status};
use crate::domain::ids::MessageId;
use crate::domain::stream::{Offset, Place};
use crate::error::Result;
use crate::services::plans;
use crate::storage::{Growth, Part, Watched};

/// Final replies among which those that are not are looked for: a few may have been stopped behind them.
const NEWEST: i64 = 100;
/// Of a text that is behind: what is told by one event, in Unicode scalar values.
const TOLD_AT_ONCE: usize = 16_384;
/// New messages that are told before anybody has taken them.
const PAGE: i64 = 16;
/// How long after its end a reply is told to who comes without a place.
const JUST_ENDED: Duration = Duration::from_mins(1);

impl Watcher {
    pub(super) async fn begin(&mut self, from: From) -> Result<()> {
        match from {
            From::Place(place) => self.go_on(place).await?,
            From::Nowhere => self.begin_now(Duration::MAX).await?,
            From::Now => self.begin_now(JUST_ENDED).await?,
        }
        self.read().await
    }

    /// Goes on where the reader was.
    async fn go_on(&mut self, place: Place) -> Result<()> {
        let Some(reply) = self.app.db.growth(self.room, place.reply, Part::NOTHING).await? else {
            return self.go_on_after_message(place).await;
        };
        if let Some(before) = reply.retried.filter(|before| place.attempt <= before.attempt) {
            // He left before it was tried again, which put it behind all that came since.
            (self.seen, self.last) = (before.seq, Some(place));
            return Ok(());
        }
        self.seen = reply.seq;
        let is_same_try = place.attempt == reply.attempt;
        match place.offset {
            Offset::End if is_same_try && reply.status.is_final() => self.last = Some(place),
            Offset::At(position) if place.attempt < reply.attempt || (is_same_try && position <= reply.length) => {
                self.open.push_back(OpenReply::at(place.reply, place.attempt, position));
            }
            // He was told more than is stored: what is stored counts, and is told whole.
            _ => return self.tell_anew(place.reply).await,
        }
        Ok(())
    }

    /// Goes on behind a message that had no reply before it; a place that is not of this room is none.
    async fn go_on_after_message(&mut self, place: Place) -> Result<()> {
        match self.app.db.message_seq(self.room, place.reply).await? {
            Some(seq) => (self.seen, self.last) = (seq, Some(place)),
            None => self.begin_now(Duration::MAX).await?,
        }
        Ok(())
    }

    /// Tells the whole text of a reply, and goes on from there.
    async fn tell_anew(&mut self, reply: MessageId) -> Result<()> {
        self.open.push_back(OpenReply::new(reply));
        self.reset_first().await
    }

    /// Tells the text so far of the reply being written, or of the newest one if it ended no longer ago than that.
    async fn begin_now(&mut self, ended_within: Duration) -> Result<()> {
        let (last_seq, open) = self.app.db.room_stands(self.room).await?.unwrap_or_default();
        self.seen = last_seq;
        let newest = self.app.db.newest_replies(self.room, NEWEST + open).await?;
        let is_new = |reply: &&Growth| reply.seq <= self.seen;
        self.open = newest
            .iter()
            .filter(is_new)
            .rev()
            .filter(|reply| !reply.status.is_final())
            .map(|reply| OpenReply::new(reply.id))
            .collect();
        let Some(newest) = newest.first() else { return Ok(()) };
        if self.open.is_empty() {
            let now = self.app.clock.now();
            let has_just_ended = newest.finished_at.is_some_and(|at| now.since(at) < ended_within);
            if !has_just_ended {
                self.last = Some(Place { reply: newest.id, attempt: newest.attempt, offset: Offset::End });
                return Ok(());
            }
            return self.tell_anew(newest.id).await;
        }
        self.reset_first().await
    }

    async fn reset_first(&mut self) -> Result<()> {
        let Some(id) = self.open.front().map(|first| first.id) else { return Ok(()) };
        let Some(reply) = self.app.db.growth(self.room, id, Part::WHOLE).await? else { return Ok(()) };
        if let Some(first) = self.open.front_mut() {
            (first.attempt, first.position) = (reply.attempt, reply.length);
        }
        self.tell_reply(Event::Reset(reply.attempt, reply.text));
        Ok(())
    }

    /// Tells what is new. While the database is away the reader waits, and nothing is lost. What reading needs is held
    /// only while it lasts: a stream on which nothing happens does without.
    pub(super) async fn look(&mut self) {
        if let Err(error) = Box::pin(self.read()).await {
            tracing::debug!(%error, "A watched room could not be read.");
            self.look_at = Instant::now() + DEAF;
        }
    }

    async fn read(&mut self) -> Result<()> {
        self.has_more = false;
        if self.only.is_none() {
            let last_seq = self.read_room().await?;
            if last_seq > self.seen {
                self.read_messages(last_seq).await?;
            }
        }
        self.read_replies().await?;
        let is_behind = self.open.front().is_some_and(OpenReply::is_behind);
        let pause = match (is_behind, self.heard.is_deaf(), self.open.is_empty()) {
            (true, ..) => SOON,
            (_, true, false) => spread(DEAF),
            (_, true, true) => spread(DEAF_AND_IDLE),
            _ => self.in_any_case(),
        };
        // What he has not taken yet stays in the database until he has.
        self.look_at = if self.has_more { Instant::now() } else { Instant::now() + pause };
        Ok(())
    }

    /// Tells whether the room was changed; answers with the place of its last message.
    async fn read_room(&mut self) -> Result<i64> {
        let found = self.app.db.watched_room(self.room).await?;
        let Some(Watched { room: now, summary, last_seq }) = found else {
            self.is_over = true;
            return Ok(0);
        };
        let told = self.known.as_ref().is_some_and(|known| {
            (&known.name, &known.instructions, &known.model) == (&now.name, &now.instructions, &now.model)
        });
        let had = self.summary.replace(summary).unwrap_or(summary);
        if !told || had != summary {
            self.known = Some(now.clone());
            self.tell(None, Event::Room(now));
        }
        Ok(last_seq)
    }

    /// Tells some of the new messages; the rest waits until these are taken.
    async fn read_messages(&mut self, last_seq: i64) -> Result<()> {
        for listed in self.app.db.messages_to_tell(self.room, self.seen, PAGE).await? {
            self.seen = listed.seq;
            self.tell_message(listed.message);
        }
        self.has_more = self.seen < last_seq;
        if self.has_more { Ok(()) } else { self.tell_quota().await }
    }

    /// A reply is told without its text, which follows as it would have come.
    fn tell_message(&mut self, mut message: Message) {
        if message.role == Role::Assistant {
            // One that was tried again is written at its new place alone.
            self.open.retain(|open| open.id != message.id);
            self.open.push_back(OpenReply::new(message.id));
            message.status = Status::Pending;
            if let Some(reply) = &mut message.reply {
                (reply.outcome, reply.error, reply.usage, reply.attempt) = (None, None, None, 0);
            }
        }
        let place = self.place().or(Some(Place { reply: message.id, attempt: 0, offset: Offset::End }));
        self.ready.push_back(Told { place, reply: Some(message.id), event: Event::Created(message) });
    }

    async fn tell_quota(&mut self) -> Result<()> {
        let quota = plans::quota(&self.app, self.session.user_id, self.session.tier).await?;
        self.tell(None, Event::Quota(quota));
        Ok(())
    }

    /// Tells what is new of the open replies, in order: one after the other is written.
    async fn read_replies(&mut self) -> Result<()> {
        let mut told = 0;
        while let Some(first) = self.open.front() {
            let (id, position) = (first.id, first.position);
            let part = Part { from: position, most: TOLD_AT_ONCE };
            let Some(reply) = self.app.db.growth(self.room, id, part).await? else {
                self.open.pop_front();
                self.is_over |= self.only == Some(id);
                continue;
            };
            let (is_final, length) = (reply.status.is_final(), reply.length);
            told += length.saturating_sub(position).min(TOLD_AT_ONCE);
            self.tell_growth(reply).await?;
            let is_told = self.open.front().is_none_or(|first| first.position >= length);
            if is_final && is_told {
                self.tell_end(id).await?;
            }
            if !is_final && is_told {
                return Ok(());
            }
            if !is_told || told >= TOLD_AT_ONCE {
                self.has_more = true;
                return Ok(());
            }
        }
        Ok(())
    }

    async fn tell_growth(&mut self, reply: Growth) -> Result<()> {
        let Some(first) = self.open.front_mut() else { return Ok(()) };
        if reply.attempt < first.attempt {
            return Ok(());
        }
        let is_first_try = first.attempt == 0 && first.position == 0 && reply.retried.is_none();
        if reply.attempt > first.attempt && is_first_try {
            first.attempt = reply.attempt;
            self.tell_reply(Event::Started(reply.attempt));
        } else if reply.attempt > first.attempt || (reply.status.is_final() && reply.length < first.position) {
            self.reset_first().await?;
            self.tell_held();
            return Ok(());
        }
        let Some(first) = self.open.front_mut() else { return Ok(()) };
        if !reply.text.is_empty() {
            let offset = first.position;
            first.position += reply.text.chars().count();
            self.tell_reply(Event::Delta(offset, reply.text));
        }
        self.tell_held();
        Ok(())
    }

    fn tell_held(&mut self) {
        while let Some((offset, text)) = self.open.front_mut().and_then(OpenReply::take_held) {
            self.tell_reply(Event::Delta(offset, text));
        }
    }

    async fn tell_end(&mut self, id: MessageId) -> Result<()> {
        let message = self.app.db.message(id, self.room.room, self.room.owner).await?;
        let Some(first) = self.open.pop_front() else { return Ok(()) };
        self.last = Some(Place { reply: id, attempt: first.attempt, offset: Offset::End });
        let Some(message) = message else { return Ok(()) };
        let gave_back = message.status == Status::Failed;
        let told = Told { place: self.last, reply: Some(id), event: Event::Finished(message) };
        self.ready.push_back(told);
        if self.only == Some(id) {
            self.is_over = true;
        }
        if gave_back { self.tell_quota().await } else { Ok(()) }
    }
}
