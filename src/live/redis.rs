//! Redis: what processes share and may lose. One connection carries questions and messages; whoever asks while it is
//! away is told so at once, and goes on without. Every key is used alone, so that a cluster may spread them.

mod link;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, ConnectionInfo, FromRedisValue, IntoConnectionInfo, Pipeline, ProtocolVersion, RedisError};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{Notify, mpsc};

use super::note::Note;
use crate::error::{Error, Result};

/// How long a question may take: it is there to be quicker than the database, or not at all.
const ANSWER_WITHIN: Duration = Duration::from_millis(100);
/// Notes on their way to the others; what is beyond it is told by one that says «forget everything».
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Another process said this.
    Note(Note),
    /// The connection is new: whatever was said before it is unknown here.
    Reconnected,
}

/// A handle to the server.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    prefix: String,
    /// Who we are on the channel, to know our own notes.
    me: [u8; 8],
    connection: Mutex<Option<MultiplexedConnection>>,
    outgoing: mpsc::Sender<Note>,
    /// Rung when a command met a dead connection.
    suspicion: Notify,
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
        let _ = self.0.outgoing.try_send(note);
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

    fn channel(&self) -> String {
        format!("{}notes", self.prefix)
    }
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
