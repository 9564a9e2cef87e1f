//! Watching a room. A watcher listens first, then reads the database, and from then on takes from what it hears only what
//! lies beyond what it has read. So nothing is shown twice or left out, whatever is lost or late on the way; and what a
//! step costs does not grow with the room or the reply.

mod event;
mod open_reply;
mod reading;
mod timing;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::futures::OwnedNotified;
use tokio::time::{Instant, sleep_until};

pub use self::event::{Event, From, Told};
use self::open_reply::OpenReply;
use self::timing::{CAUGHT_UP_WITHIN, DEAF, IN_ANY_CASE, IN_ANY_CASE_ALONE, QUIET, SOON, lasts, spread};
use super::sessions;
use crate::app::App;
use crate::domain::chat::Chatroom;
use crate::domain::ids::{ChatroomId, MessageId};
use crate::domain::stream::{Offset, OwnRoom, Piece, Place};
use crate::domain::time::Timestamp;
use crate::domain::user::Session;
use crate::error::{Code, Error, Result};
use crate::live::rooms::{RoomWatch, Stir};
use crate::live::streams::OpenStream;

/// Who watches, and until when the token allows it.
#[derive(Debug)]
pub struct Reader {
    session: Session,
    token_until: Timestamp,
    stream: OpenStream,
    rung: Pin<Box<OwnedNotified>>,
}

impl Reader {
    /// A reader with a place of his own, unless he has too many streams open. From here on the end of his session is heard,
    /// and one that came before is seen.
    pub async fn admit(app: &App, session: Session, token_until: Timestamp) -> Result<Self> {
        let stream = app.streams.open(session.user_id).ok_or_else(too_many)?;
        let rung = Box::pin(stream.bell().notified_owned());
        let session = sessions::session_of(app, session.bearer()).await?;
        Ok(Self { session, token_until, stream, rung })
    }
}

/// One watcher of one room.
pub struct Watcher {
    app: App,
    session: Session,
    room: OwnRoom,
    /// The room as it was told; none where only one reply is watched.
    known: Option<Chatroom>,
    /// Which summary it had when it was looked at last.
    summary: Option<i64>,
    /// The place of the last message that was told.
    seen: i64,
    /// Replies that are not final, as they were told; the first is the one being written.
    open: VecDeque<OpenReply>,
    /// The last reply that was told to its end.
    last: Option<Place>,
    /// Where only one reply is watched.
    only: Option<MessageId>,
    ready: VecDeque<Told>,
    /// More of a text is stored than was told.
    has_more: bool,
    is_over: bool,
    heard: RoomWatch,
    stream: OpenStream,
    rung: Pin<Box<OwnedNotified>>,
    over_at: Instant,
    quiet_at: Instant,
    look_at: Instant,
    /// When the session is asked for in any case.
    check_at: Instant,
}

enum Woken {
    Stir(Stir),
    Session,
    Look,
    Quiet,
    Over,
}

impl Watcher {
    /// Begins to watch a room of the reader's, as it has just been read.
    pub async fn of_room(app: &App, reader: Reader, known: Chatroom, from: From) -> Result<Self> {
        let mut watcher = Self::listen(app, reader, known.id).await;
        watcher.known = Some(known);
        watcher.begin(from).await?;
        Ok(watcher)
    }

    /// Begins to watch a reply just asked for in a room of the reader's; its end is the stream's.
    pub async fn of_reply(app: &App, reader: Reader, room: ChatroomId, reply: MessageId) -> Result<Self> {
        let mut watcher = Self::listen(app, reader, room).await;
        watcher.only = Some(reply);
        watcher.open.push_back(OpenReply::new(reply));
        watcher.look().await;
        Ok(watcher)
    }

    async fn listen(app: &App, reader: Reader, room: ChatroomId) -> Self {
        let Reader { session, token_until, stream, rung } = reader;
        let room = OwnRoom { owner: session.user_id, room };
        let now = Instant::now();
        Self {
            app: app.clone(),
            session,
            room,
            known: None,
            summary: None,
            seen: 0,
            open: VecDeque::new(),
            last: None,
            only: None,
            ready: VecDeque::new(),
            has_more: false,
            is_over: false,
            heard: app.rooms.watch(room).await,
            rung,
            stream,
            over_at: now + lasts(token_until, app.clock.now()),
            quiet_at: now + spread(QUIET),
            look_at: now + spread(IN_ANY_CASE),
            check_at: now + spread(IN_ANY_CASE),
        }
    }

    /// The next event; none when the stream is over.
    pub async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(told) = self.ready.pop_front() {
                self.quiet_at = Instant::now() + spread(QUIET);
                return Some(told);
            }
            if self.is_over {
                return None;
            }
            match self.woken().await {
                Woken::Stir(Stir::Piece(piece)) => self.take(Arc::unwrap_or_clone(piece)).await,
                Woken::Stir(Stir::Look) => self.look().await,
                Woken::Stir(Stir::Missed) => self.look_soon(),
                Woken::Look => self.look_around().await,
                Woken::Session => self.check_session().await,
                Woken::Quiet => self.tell(None, Event::Quiet),
                Woken::Over => self.is_over = true,
            }
        }
    }

    async fn woken(&mut self) -> Woken {
        tokio::select! {
            biased;
            () = &mut self.rung => {
                self.rung = Box::pin(self.stream.bell().notified_owned());
                Woken::Session
            }
            stir = self.heard.next() => Woken::Stir(stir),
            () = sleep_until(self.look_at.min(self.check_at)) => Woken::Look,
            () = sleep_until(self.quiet_at) => Woken::Quiet,
            () = sleep_until(self.over_at) => Woken::Over,
        }
    }

    /// Looks because time has passed: while nothing can be heard, also whether the session is still there.
    async fn look_around(&mut self) {
        self.look().await;
        if self.heard.is_deaf() || Instant::now() >= self.check_at {
            self.check_session().await;
        }
    }

    /// How long until everything is looked at again, should a word have been lost.
    fn in_any_case(&self) -> Duration {
        spread(if self.heard.is_alone() { IN_ANY_CASE_ALONE } else { IN_ANY_CASE })
    }

    /// Something may have been missed, by this watcher and all others: who waits for no text leaves the others the way.
    fn look_soon(&mut self) {
        let wait = if self.open.is_empty() { CAUGHT_UP_WITHIN.mul_f64(rand::random()) } else { Duration::ZERO };
        self.look_at = self.look_at.min(Instant::now() + wait);
        self.check_at = self.look_at;
    }

    /// Takes what is new of a piece; what does not fit on what was told is looked for in the database.
    async fn take(&mut self, piece: Piece) {
        if self.is_of_no_use(&piece) {
            return;
        }
        let fits = self.open.front().is_some_and(|first| first.is_about(&piece));
        if !fits {
            if let Some(first) = self.open.front_mut() {
                first.hold(piece);
            }
            return self.look().await;
        }
        let Some(first) = self.open.front_mut() else { return };
        match first.take(&piece) {
            Some((offset, text)) => self.tell_reply(Event::Delta(offset, text)),
            None if first.is_behind() => self.look_at = self.look_at.min(Instant::now() + SOON),
            None => {}
        }
    }

    /// A piece of a try that is over, or of a reply that is not watched.
    fn is_of_no_use(&self, piece: &Piece) -> bool {
        let is_old = |first: &OpenReply| first.id == piece.reply && piece.attempt < first.attempt;
        self.only.is_some_and(|only| only != piece.reply) || self.open.front().is_some_and(is_old)
    }

    async fn check_session(&mut self) {
        self.check_at = Instant::now() + self.in_any_case();
        let bearer = self.session.bearer();
        let Ok(found) = Box::pin(self.app.db.session(bearer.session_id, bearer.user_id)).await else {
            self.check_at = Instant::now() + DEAF;
            return;
        };
        let Some(session) = found.filter(|session| session.is_live(self.app.clock.now())) else {
            self.tell(None, Event::Revoked);
            self.is_over = true;
            return;
        };
        if session.tier != self.session.tier {
            self.tell(None, Event::Plan(session.tier));
        }
        self.session = session;
    }

    fn tell(&mut self, reply: Option<MessageId>, event: Event) {
        self.ready.push_back(Told { place: self.place(), reply, event });
    }

    /// Tells something of the first open reply.
    fn tell_reply(&mut self, event: Event) {
        self.tell(self.open.front().map(|first| first.id), event);
    }

    /// Where the reader stands: in the reply being written, or behind the last one.
    fn place(&self) -> Option<Place> {
        let in_reply = self.open.front().map(|first| Place {
            reply: first.id,
            attempt: first.attempt,
            offset: Offset::At(first.position),
        });
        in_reply.or(self.last)
    }
}

fn too_many() -> Error {
    Error::new(Code::RateLimited, "Too many streams are open. Please close one.").retry_after(QUIET)
}
