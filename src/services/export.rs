//! All of a user's data as one JSON document, read in pages while it is written, so that its size is no matter.

mod pieces;

use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::Serialize;
use tokio::sync::mpsc;

pub use self::pieces::{ExportedAccount, ExportedBilling, ExportedEvent, ExportedSession, ExportedSubscription};
use super::sessions;
use crate::app::App;
use crate::domain::chat::Chatroom;
use crate::domain::ids::ChatroomId;
use crate::domain::time::{Day, Timestamp};
use crate::domain::usage::Span;
use crate::domain::user::Session;
use crate::error::{Error, Result};

/// Rows read at once, of what is small.
const PAGE: i64 = 200;
/// Messages read at once: the longest of them fill 2 MiB.
const MESSAGES: i64 = 32;

/// A document being written. Each piece is handed over before the next is read: whoever reads slowly makes the writer
/// wait, and who goes away ends it.
struct Writer {
    app: App,
    caller: Session,
    text: Vec<u8>,
    pieces: mpsc::Sender<Result<Option<Bytes>>>,
}

/// The export of a caller's data, piece by piece. What can't be read in the middle of it ends it with an error, and what
/// was written so far is no document.
pub async fn export(app: &App, caller: Session) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
    let user = app.db.user(caller.user_id).await?.ok_or_else(Error::not_found)?;
    let account = ExportedAccount::new(&user, app.db.locale_of(caller.user_id).await?);
    let (pieces, written) = mpsc::channel(1);
    let mut writer = Writer { app: app.clone(), caller, text: Vec::new(), pieces };
    tokio::spawn(async move {
        let end = writer.write(&account).await.map(|()| None);
        if let Err(error) = &end {
            tracing::warn!(error = %error, "An export was broken off.");
        }
        // Whoever is gone needs no end.
        let _ = writer.pieces.send(end).await;
    });
    Ok(stream::unfold(Some(written), async |written| {
        let mut written = written?;
        match written.recv().await {
            Some(Ok(Some(piece))) => Some((Ok(piece), Some(written))),
            Some(Ok(None)) => None,
            Some(Err(error)) => Some((Err(error), None)),
            // The writer ended without saying so.
            None => Some((Err(Error::internal("an export was not written to its end")), None)),
        }
    }))
}

impl Writer {
    async fn write(&mut self, account: &ExportedAccount) -> Result<()> {
        self.put("{\"exported_at\":");
        self.value(&self.app.clock.now())?;
        self.put(",\"account\":");
        self.value(account)?;
        self.put(",\"billing\":");
        self.billing().await?;
        self.put(",\"usage\":");
        let (from, to) = (Day::from_number(i64::MIN), Day::from_number(i64::MAX));
        self.value(&self.app.db.usage(self.caller.user_id, Span { from, to }).await?)?;
        self.put(",\"sessions\":[");
        self.sessions().await?;
        self.put("],\"security_events\":[");
        self.events().await?;
        self.put("],\"chatrooms\":[");
        self.rooms().await?;
        self.put("]}\n");
        self.hand_over().await
    }

    async fn billing(&mut self) -> Result<()> {
        let user_id = self.caller.user_id;
        let Some(customer) = self.app.db.customer(user_id).await? else { return self.value(&()) };
        let known = self.app.db.mirrored_subscriptions(user_id).await?;
        let subscriptions = known.into_iter().map(ExportedSubscription::from).collect();
        self.value(&ExportedBilling { customer_id: customer.id, subscriptions })
    }

    async fn sessions(&mut self) -> Result<()> {
        let mut last = None;
        loop {
            let page = self.app.db.sessions_by_birth(self.caller.user_id, last, PAGE).await?;
            let page: Vec<ExportedSession> = page.into_iter().map(Into::into).collect();
            self.items(last.is_none(), &page).await?;
            let Some(end) = page.last() else { return Ok(()) };
            last = Some(end.id);
        }
    }

    async fn events(&mut self) -> Result<()> {
        let mut last: Option<(Timestamp, _)> = None;
        loop {
            let page = self.app.db.events_by_time(self.caller.user_id, last, PAGE).await?;
            let page: Vec<ExportedEvent> = page.into_iter().map(Into::into).collect();
            self.items(last.is_none(), &page).await?;
            let Some(end) = page.last() else { return Ok(()) };
            last = Some((end.at, end.id));
        }
    }

    async fn rooms(&mut self) -> Result<()> {
        let mut last: Option<ChatroomId> = None;
        loop {
            let page = self.app.db.rooms_by_birth(self.caller.user_id, last, PAGE).await?;
            for room in &page {
                self.put(if last.is_none() { "" } else { "," });
                self.room(room).await?;
                last = Some(room.id);
            }
            if page.is_empty() {
                return Ok(());
            }
        }
    }

    /// A room with all its messages: the members of the room first, and then its summary and the list of messages.
    async fn room(&mut self, room: &Chatroom) -> Result<()> {
        self.value(room)?;
        self.text.pop();
        self.put(",\"summary\":");
        self.value(&self.app.db.summary(room.id, self.caller.user_id).await?)?;
        self.put(",\"messages\":[");
        let mut last = 0;
        loop {
            let listed = self.app.db.messages_forward(room.id, self.caller.user_id, last, MESSAGES).await?;
            let Some(end) = listed.last().map(|listed| listed.seq) else { break };
            let messages: Vec<_> = listed.into_iter().map(|listed| listed.message).collect();
            self.items(last == 0, &messages).await?;
            last = end;
        }
        self.put("]}");
        Ok(())
    }

    /// Items of a list, and then a look at whether the caller may still have them: a session that was ended meanwhile may
    /// be a thief's.
    async fn items<T: Serialize>(&mut self, are_first: bool, items: &[T]) -> Result<()> {
        for (index, item) in items.iter().enumerate() {
            self.put(if are_first && index == 0 { "" } else { "," });
            self.value(item)?;
        }
        self.hand_over().await?;
        sessions::session_of(&self.app, self.caller.bearer()).await.map(drop)
    }

    fn put(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    fn value(&mut self, value: &(impl Serialize + ?Sized)) -> Result<()> {
        serde_json::to_writer(&mut self.text, value).map_err(Error::internal)
    }

    /// Hands over what is written so far, and waits until what was handed over before is taken.
    async fn hand_over(&mut self) -> Result<()> {
        if self.text.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.text));
        self.pieces.send(Ok(Some(piece))).await.map_err(|_| Error::unavailable("nobody reads the export any more"))
    }
}
