//! What a watcher reads from the database: where it begins, and what is new since it last looked.

use std::time::Duration;

use tokio::time::Instant;

use super::timing::{DEAF, DEAF_AND_IDLE, IN_ANY_CASE, IN_ANY_CASE_ALONE, SOON, spread};
use super::{Event, From, OpenReply, Watcher};
use crate::domain::chat::{Message, Role, Status};
use crate::domain::ids::MessageId;
use crate::domain::stream::{Offset, Place};
use crate::error::Result;
use crate::services::plans;
use crate::storage::{Growth, Part, Watched};

/// Replies that are looked at for those that are not final.
const NEWEST: i64 = 100;
/// Of a text that is behind: what is told by one event, in Unicode scalar values.
const TOLD_AT_ONCE: usize = 16_384;
const WHOLE: Part = Part { from: 0, most: usize::MAX };
const NOTHING: Part = Part { from: 0, most: 0 };
/// New messages that are read by one statement.
const PAGE: i64 = 100;
/// How long after its end a reply is told to who comes without a place.
const JUST_ENDED: Duration = Duration::from_mins(1);

impl Watcher {
    pub(super) async fn begin(&mut self, from: From) -> Result<()> {
        match from {
            From::Place(place) => {
                if !self.go_on(place).await? {
                    self.begin_now().await?;
                }
            }
            From::Now => self.begin_now().await?,
        }
        self.read().await
    }

    /// Goes on where the reader was; false when that place is not of this room, or never was.
    async fn go_on(&mut self, place: Place) -> Result<bool> {
        let position = if let Offset::At(position) = place.offset { position } else { usize::MAX };
        let Some(reply) = self.app.db.growth(self.room, place.reply, NOTHING).await? else { return Ok(false) };
        if let Some(before) = reply.retried.filter(|before| place.attempt <= before.attempt) {
            // He left before it was tried again, which put it behind all that came since.
            self.seen = before.asked_seq + 1;
            return Ok(true);
        }
        if place.offset == Offset::End {
            if !reply.status.is_final() || reply.attempt != place.attempt {
                return Ok(false);
            }
            (self.seen, self.last) = (reply.seq, Some(place));
            return Ok(true);
        }
        if place.attempt > reply.attempt || (place.attempt == reply.attempt && position > reply.length) {
            // He was told more than is stored: what is stored counts, and is told whole.
            return Ok(false);
        }
        self.seen = reply.seq;
        self.open.push_back(OpenReply::at(place.reply, place.attempt, position));
        Ok(true)
    }

    /// Tells the text so far of the reply being written, or of the newest one if it has just ended.
    async fn begin_now(&mut self) -> Result<()> {
        self.seen = self.app.db.last_seq(self.room).await?.unwrap_or_default();
        let newest = self.app.db.newest_replies(self.room, NEWEST).await?;
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
            let ended = newest.finished_at.is_some_and(|at| at + JUST_ENDED > self.app.clock.now());
            if !ended {
                self.last = Some(Place { reply: newest.id, attempt: newest.attempt, offset: Offset::End });
                return Ok(());
            }
            self.open.push_back(OpenReply::new(newest.id));
        }
        self.reset_first().await
    }

    async fn reset_first(&mut self) -> Result<()> {
        let Some(id) = self.open.front().map(|first| first.id) else { return Ok(()) };
        let Some(reply) = self.app.db.growth(self.room, id, WHOLE).await? else { return Ok(()) };
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
        if self.only.is_none() {
            self.read_room().await?;
            self.read_messages().await?;
        }
        self.has_more = false;
        self.read_replies().await?;
        let is_behind = self.open.front().is_some_and(OpenReply::is_behind);
        let pause = match (is_behind, self.heard.is_deaf(), self.open.is_empty()) {
            (true, ..) => SOON,
            (_, true, false) => DEAF,
            (_, true, true) => DEAF_AND_IDLE,
            _ if self.heard.is_alone() => spread(IN_ANY_CASE_ALONE),
            _ => spread(IN_ANY_CASE),
        };
        // What he has not taken yet stays in the database until he has.
        self.look_at = if self.has_more { Instant::now() } else { Instant::now() + pause };
        Ok(())
    }

    async fn read_room(&mut self) -> Result<()> {
        let found = self.app.db.watched_room(self.room).await?;
        let Some(Watched { room: now, summary }) = found else {
            self.is_over = true;
            return Ok(());
        };
        let told = self.known.as_ref().is_some_and(|known| {
            (&known.name, &known.instructions, &known.model) == (&now.name, &now.instructions, &now.model)
        });
        let had = self.summary.replace(summary).unwrap_or(summary);
        if !told || had != summary {
            self.known = Some(now.clone());
            self.tell(None, Event::Room(now));
        }
        Ok(())
    }

    async fn read_messages(&mut self) -> Result<()> {
        let mut is_quota_new = false;
        loop {
            let page = self.app.db.messages_forward(self.room.room, self.room.owner, self.seen, PAGE).await?;
            let is_last = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
            for listed in page {
                self.seen = listed.seq;
                is_quota_new = true;
                self.tell_message(listed.message);
            }
            if is_last {
                break;
            }
        }
        if is_quota_new {
            self.tell_quota().await?;
        }
        Ok(())
    }

    /// A reply is told without its text, which follows as it would have come.
    fn tell_message(&mut self, mut message: Message) {
        if message.role == Role::Assistant {
            self.open.push_back(OpenReply::new(message.id));
            message.content.clear();
            message.status = Status::Pending;
            if let Some(reply) = &mut message.reply {
                (reply.outcome, reply.error, reply.usage, reply.attempt) = (None, None, None, 0);
            }
        }
        self.tell(Some(message.id), Event::Created(message));
    }

    async fn tell_quota(&mut self) -> Result<()> {
        let quota = plans::quota(&self.app, self.session.user_id, self.session.tier).await?;
        self.tell(None, Event::Quota(quota));
        Ok(())
    }

    /// Tells what is new of the open replies, in order: one after the other is written.
    async fn read_replies(&mut self) -> Result<()> {
        while let Some(first) = self.open.front() {
            let (id, position) = (first.id, first.position);
            let part = Part { from: position, most: TOLD_AT_ONCE };
            let Some(reply) = self.app.db.growth(self.room, id, part).await? else {
                self.open.pop_front();
                continue;
            };
            let (is_final, length) = (reply.status.is_final(), reply.length);
            self.tell_growth(reply).await?;
            self.has_more = self.open.front().is_some_and(|first| first.position < length);
            if !is_final || self.has_more {
                return Ok(());
            }
            self.tell_end(id).await?;
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
        let told = super::Told { place: self.last, reply: Some(id), event: Event::Finished(message) };
        self.ready.push_back(told);
        if self.only == Some(id) {
            self.is_over = true;
        }
        if gave_back { self.tell_quota().await } else { Ok(()) }
    }
}
