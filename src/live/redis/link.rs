//! The connection: made, watched, given up and made again, for as long as somebody holds a handle.

use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, PushInfo, PushKind, RedisResult, Value};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::{Heard, Inner, plain};
use crate::live::note::{self, Note};

const CONNECT_WITHIN: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(200);
/// How often a quiet connection is asked whether it lives, and how long it may take to say so: `/ready` tells the truth
/// within the sum of both.
const PING_EVERY: Duration = Duration::from_millis(500);
const PING_WITHIN: Duration = Duration::from_secs(1);
/// Notes that travel in one message.
const TOGETHER: usize = 256;

pub(super) async fn keep(client: Client, inner: Weak<Inner>, heard: UnboundedSender<Heard>) {
    let mut was_there = true;
    loop {
        let Some(channel) = inner.upgrade().map(|inner| inner.channel()) else { return };
        match connect(&client, &channel).await {
            Ok((connection, pushes)) => {
                tracing::info!("Redis is there.");
                was_there = true;
                serve(connection, pushes, &inner, &heard).await;
                if inner.strong_count() > 0 {
                    tracing::warn!("Redis is away: replies, limits and lists go on without it.");
                }
            }
            Err(error) if was_there => {
                was_there = false;
                tracing::warn!(error = plain(&error), "Redis can't be reached; it is tried again until it can.");
            }
            Err(_) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn connect(
    client: &Client,
    channel: &str,
) -> RedisResult<(MultiplexedConnection, UnboundedReceiver<PushInfo>)> {
    let (pushed, pushes) = mpsc::unbounded_channel();
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_WITHIN))
        .set_response_timeout(Some(PING_WITHIN))
        .set_push_sender(pushed);
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    connection.subscribe(channel).await?;
    Ok((connection, pushes))
}

/// Lends the connection out until it is lost.
async fn serve(
    connection: MultiplexedConnection,
    mut pushes: UnboundedReceiver<PushInfo>,
    inner: &Weak<Inner>,
    heard: &UnboundedSender<Heard>,
) {
    let Some(me) = inner.upgrade().map(|inner| {
        inner.set_connection(Some(connection.clone()));
        inner.me
    }) else {
        return;
    };
    let _ = heard.send(Heard::Reconnected);
    let mut pings = tokio::time::interval(PING_EVERY);
    loop {
        tokio::select! {
            push = pushes.recv() => match push {
                Some(push) if push.kind == PushKind::Disconnection => break,
                Some(push) => hear(me, push, heard),
                None => break,
            },
            _ = pings.tick() => if inner.strong_count() == 0 || !answers(connection.clone()).await { break },
            () = suspected(inner) => if !answers(connection.clone()).await { break },
        }
    }
    if let Some(inner) = inner.upgrade() {
        inner.set_connection(None);
    }
}

async fn suspected(inner: &Weak<Inner>) {
    match inner.upgrade() {
        Some(inner) => inner.suspicion.notified().await,
        None => std::future::pending().await,
    }
}

async fn answers(mut connection: MultiplexedConnection) -> bool {
    let ping = redis::cmd("PING");
    let asked = ping.query_async::<Value>(&mut connection);
    matches!(tokio::time::timeout(PING_WITHIN, asked).await, Ok(Ok(_)))
}

fn hear(me: [u8; 8], push: PushInfo, heard: &UnboundedSender<Heard>) {
    let (PushKind::Message, [_, Value::BulkString(message)]) = (push.kind, push.data.as_slice()) else { return };
    for note in note::read(me, message) {
        let _ = heard.send(Heard::Note(note));
    }
}

/// Sends what is to be told, as much as has gathered in one message. While nobody is there to take it, it is dropped:
/// who comes back later trusts nothing that he kept.
pub(super) async fn publish(mut notes: mpsc::Receiver<Note>, inner: Weak<Inner>) {
    let mut batch = Vec::with_capacity(TOGETHER);
    while notes.recv_many(&mut batch, TOGETHER).await > 0 {
        let Some(inner) = inner.upgrade() else { return };
        send(&inner, &batch).await;
        batch.clear();
    }
}

async fn send(inner: &Arc<Inner>, batch: &[Note]) {
    let Some(mut connection) = inner.connection() else { return };
    let mut command = redis::cmd("PUBLISH");
    command.arg(inner.channel()).arg(note::write(inner.me, batch)).set_no_response(true);
    if command.exec_async(&mut connection).await.is_err() {
        inner.suspicion.notify_one();
    }
}
