//! Redis: what processes share and may lose. One connection carries questions and messages; whoever asks while it is
//! away is told so at once, and goes on without. Every key is used alone, so that a cluster may spread them.

mod link;
mod room_message;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, ConnectionInfo, FromRedisValue, IntoConnectionInfo, Pipeline, ProtocolVersion, RedisError};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{Notify, mpsc};

use super::note::Note;
use super::rooms::Stir;
use crate::domain::stream::OwnRoom;
use crate::error::{Error, Result};

/// How long a question may take: it is there to be quicker than the database, or not at all.
const ANSWER_WITHIN: Duration = Duration::from_millis(100);
/// How long the operator waits for an answer.
const LOOK_WITHIN: Duration = Duration::from_secs(3);
/// What waits to be said to the others; what is beyond it is lost, which costs them time.
const OUTGOING: usize = 4_096;

/// Whether live state is shared, and through whom.
#[derive(Clone, Debug, Default)]
pub enum Reach {
    /// This process is alone, or must be taken for it.
    #[default]
    Process,
    /// All that use the same Redis under the same prefix.
    Redis(Redis),
}

impl Reach {
    /// The server, if there is one to ask.
    #[must_use]
    pub fn redis(&self) -> Option<&Redis> {
        match self {
            Self::Process => None,
            Self::Redis(redis) => Some(redis),
        }
    }

    /// Tells the others, without waiting and without a promise.
    pub fn tell(&self, note: Note) {
        if let Self::Redis(redis) = self {
            redis.tell(note);
        }
    }
}

/// What comes from the others, or must be done because something may have been missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Another process said this.
    Note(Note),
    /// This happened in a room that is watched here.
    Room(OwnRoom, Stir),
    /// The connection is new: whatever was said before it is unknown here.
    Reconnected,
    /// The connection is gone: nothing more is heard.
    Lost,
}

/// A handle to the server.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    prefix: String,
    /// Who we are on the channel, to know our own notes.
    me: [u8; 8],
    connection: Mutex<Option<MultiplexedConnection>>,
    outgoing: mpsc::Sender<Outgoing>,
    /// Rooms that are watched here: every new connection must listen to them.
    rooms: Mutex<HashSet<OwnRoom>>,
    /// Rung when a command met a dead connection.
    suspicion: Notify,
}

/// What is to be said to the others.
enum Outgoing {
    Note(Note),
    Room(OwnRoom, Vec<u8>),
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").field("prefix", &self.0.prefix).field("is_there", &self.is_there()).finish()
    }
}

impl Redis {
    /// Begins to keep a connection; what comes in on it is sent to `heard`. It ends when every handle is dropped.
    pub fn open(url: &SecretString, prefix: &str, heard: mpsc::UnboundedSender<Heard>) -> Result<Self> {
        let client = client(url.expose_secret())?;
        let (outgoing, notes) = mpsc::channel(OUTGOING);
        let inner = Arc::new(Inner {
            prefix: prefix.to_owned(),
            me: rand::random(),
            connection: Mutex::default(),
            outgoing,
            rooms: Mutex::default(),
            suspicion: Notify::new(),
        });
        tokio::spawn(link::keep(client, Arc::downgrade(&inner), heard));
        tokio::spawn(link::publish(notes, Arc::downgrade(&inner)));
        Ok(Self(inner))
    }

    /// Whether the server answered lately.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.connection().is_some()
    }

    /// A key or channel of ours.
    #[must_use]
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.0.prefix)
    }

    /// Sends commands in one go and reads their answers; nothing, when the server is away or late.
    pub async fn ask<T: FromRedisValue>(&self, commands: &Pipeline) -> Option<T> {
        let mut connection = self.connection()?;
        self.judge(tokio::time::timeout(ANSWER_WITHIN, commands.query_async(&mut connection)).await)
    }

    /// Runs a script; nothing, when the server is away or late.
    pub async fn run<T: FromRedisValue>(&self, script: &redis::ScriptInvocation<'_>) -> Option<T> {
        let mut connection = self.connection()?;
        self.judge(tokio::time::timeout(ANSWER_WITHIN, script.invoke_async(&mut connection)).await)
    }

    fn judge<T>(&self, answer: std::result::Result<redis::RedisResult<T>, tokio::time::error::Elapsed>) -> Option<T> {
        match answer {
            Ok(Ok(value)) => Some(value),
            Ok(Err(error)) => {
                if error.is_unrecoverable_error() {
                    self.0.suspicion.notify_one();
                }
                tracing::debug!(error = %plain(&error), "Redis refused a command.");
                None
            }
            Err(_) => {
                self.0.suspicion.notify_one();
                None
            }
        }
    }

    fn tell(&self, note: Note) {
        // A full line means that the server is not keeping up; what is lost here is repaired by the life of each copy.
        let _ = self.0.outgoing.try_send(Outgoing::Note(note));
    }

    /// Tells the other processes what happened in a room.
    pub(super) fn tell_room(&self, room: OwnRoom, stir: &Stir) {
        if self.is_there() {
            let _ = self.0.outgoing.try_send(Outgoing::Room(room, room_message::write(self.0.me, stir)));
        }
    }

    /// Hears what happens in a room from now on.
    pub(super) async fn listen(&self, room: OwnRoom) {
        self.0.rooms().insert(room);
        let Some(mut connection) = self.connection() else { return };
        let asked = connection.subscribe(room_message::channel(&self.0.prefix, room));
        if !matches!(tokio::time::timeout(ANSWER_WITHIN, asked).await, Ok(Ok(()))) {
            self.0.suspicion.notify_one();
        }
    }

    /// Hears nothing more of a room, unless somebody has begun to watch it again meanwhile: then `missed` is called, as
    /// something may have been said in between.
    pub(super) fn stop_listening(&self, room: OwnRoom, missed: impl FnOnce() + Send + 'static) {
        self.0.rooms().remove(&room);
        let this = self.clone();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let Some(mut connection) = this.connection() else { return };
            if !this.0.rooms().contains(&room) {
                let _ = connection.unsubscribe(room_message::channel(&this.0.prefix, room)).await;
            }
            if this.0.rooms().contains(&room) {
                this.listen(room).await;
                missed();
            }
        });
    }

    fn connection(&self) -> Option<MultiplexedConnection> {
        self.0.connection()
    }
}

impl Inner {
    fn connection(&self) -> Option<MultiplexedConnection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_connection(&self, connection: Option<MultiplexedConnection>) {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = connection;
    }

    fn rooms(&self) -> MutexGuard<'_, HashSet<OwnRoom>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn channel(&self) -> String {
        format!("{}notes", self.prefix)
    }
}

/// Connects once, as a server would, and answers with the version that is found; else why not, without a secret.
pub async fn look(url: &SecretString) -> std::result::Result<String, String> {
    let client = client(url.expose_secret()).map_err(|error| error.to_string())?;
    let asked = async {
        let mut connection = client.get_multiplexed_async_connection().await?;
        redis::cmd("INFO").arg("server").query_async::<String>(&mut connection).await
    };
    let answered = tokio::time::timeout(LOOK_WITHIN, asked).await.map_err(|_| "no answer in 3 s".to_owned())?;
    let told = answered.map_err(|error| plain(&error))?;
    let version = told.lines().find_map(|line| line.strip_prefix("redis_version:"));
    Ok(version.unwrap_or("unknown").to_owned())
}

/// Speaks the protocol that mixes messages with answers.
fn client(url: &str) -> Result<Client> {
    let told = |error: RedisError| Error::internal(format!("REDIS_URL can't be used: {}", plain(&error)));
    let info: ConnectionInfo = url.into_connection_info().map_err(told)?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    Client::open(info.set_redis_settings(settings)).map_err(told)
}

/// What went wrong, without what was asked: commands hold ids of people.
fn plain(error: &RedisError) -> String {
    error.code().map_or_else(|| error.category().to_owned(), |code| format!("{}: {code}", error.category()))
}
