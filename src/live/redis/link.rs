//! The connection: made, watched, given up and made again, for as long as somebody holds a handle.

use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, PushInfo, PushKind, RedisResult, Value};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::{Heard, Inner, Outgoing, plain, room_message};
use crate::live::note;

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
        let Some(channels) = inner.upgrade().map(|inner| channels(&inner)) else { return };
        match connect(&client, channels).await {
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

/// All that must be listened to.
fn channels(inner: &Inner) -> Vec<String> {
    let rooms = inner.rooms();
    let rooms = rooms.iter().map(|room| room_message::channel(&inner.prefix, *room));
    std::iter::once(inner.channel()).chain(rooms).collect()
}

type Connected = (MultiplexedConnection, UnboundedReceiver<PushInfo>);

async fn connect(client: &Client, channels: Vec<String>) -> RedisResult<Connected> {
    let (push, pushes) = mpsc::unbounded_channel();
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_WITHIN))
        .set_response_timeout(Some(PING_WITHIN))
        .set_push_sender(push);
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    connection.subscribe(channels).await?;
    Ok((connection, pushes))
}

/// Lends the connection out until it is lost.
async fn serve(
    connection: MultiplexedConnection,
    mut pushes: UnboundedReceiver<PushInfo>,
    inner: &Weak<Inner>,
    heard: &UnboundedSender<Heard>,
) {
    let Some((me, prefix)) = inner.upgrade().map(|inner| {
        inner.set_connection(Some(connection.clone()));
        (inner.me, inner.prefix.clone())
    }) else {
        return;
    };
    listen_to_latecomers(connection.clone(), inner).await;
    let _ = heard.send(Heard::Reconnected);
    let mut pings = tokio::time::interval(PING_EVERY);
    loop {
        tokio::select! {
            push = pushes.recv() => match push {
                Some(push) if push.kind == PushKind::Disconnection => break,
                Some(push) => hear(me, &prefix, push, heard),
                None => break,
            },
            _ = pings.tick() => if inner.strong_count() == 0 || !answers(connection.clone()).await { break },
            () = suspected(inner) => if !answers(connection.clone()).await { break },
        }
    }
    if let Some(inner) = inner.upgrade() {
        inner.set_connection(None);
    }
    let _ = heard.send(Heard::Lost);
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

/// Rooms that were begun to be watched while the connection was made: asking for one twice does no harm.
async fn listen_to_latecomers(mut connection: MultiplexedConnection, inner: &Weak<Inner>) {
    let Some(channels) = inner.upgrade().map(|inner| channels(&inner)) else { return };
    if channels.len() > 1 {
        let _ = tokio::time::timeout(PING_WITHIN, connection.subscribe(channels)).await;
    }
}

fn hear(me: [u8; 8], prefix: &str, push: PushInfo, heard: &UnboundedSender<Heard>) {
    let (PushKind::Message, [Value::BulkString(channel), Value::BulkString(message)]) =
        (push.kind, push.data.as_slice())
    else {
        return;
    };
    match std::str::from_utf8(channel).ok().and_then(|channel| room_message::room_of(prefix, channel)) {
        Some(room) => {
            if let Some(stir) = room_message::read(me, message) {
                let _ = heard.send(Heard::Room(room, stir));
            }
        }
        None => note::read(me, message).for_each(|note| _ = heard.send(Heard::Note(note))),
    }
}

/// Sends what is to be told, as much as has gathered in one go. While nobody is there to take it, it is dropped: who
/// comes back later trusts nothing that he kept.
pub(super) async fn publish(mut outgoing: mpsc::Receiver<Outgoing>, inner: Weak<Inner>) {
    let mut batch = Vec::with_capacity(TOGETHER);
    while outgoing.recv_many(&mut batch, TOGETHER).await > 0 {
        let Some(inner) = inner.upgrade() else { return };
        send(&inner, &mut batch).await;
        batch.clear();
    }
}

async fn send(inner: &Arc<Inner>, batch: &mut Vec<Outgoing>) {
    let Some(mut connection) = inner.connection() else { return };
    let (mut commands, mut notes) = (redis::pipe(), Vec::new());
    for outgoing in batch.drain(..) {
        match outgoing {
            Outgoing::Note(note) => notes.push(note),
            Outgoing::Room(room, message) => {
                let channel = room_message::channel(&inner.prefix, room);
                commands.cmd("PUBLISH").arg(channel).arg(message).ignore();
            }
        }
    }
    if !notes.is_empty() {
        commands.cmd("PUBLISH").arg(inner.channel()).arg(note::write(inner.me, &notes)).ignore();
    }
    if commands.exec_async(&mut connection).await.is_err() {
        inner.suspicion.notify_one();
    }
}
