//! A receiver of signed webhooks, as an operator would write one: it checks the signature and the time, and takes each
//! message once.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::Reply;
use crate::domain::time::Clock;
use crate::error::{Error, Result};
use crate::providers::standard_webhooks::{SignedHeaders, SigningSecrets};

/// The secret that the receiver shares with its sender.
pub const SECRET: &str = "whsec_ZXhhbXBsZS1rZXktb2YtMzItYnl0ZXMtbGVuZ3RoISE=";

/// A post that came.
#[derive(Clone, Debug)]
pub struct Post {
    /// Its headers of the signature.
    pub headers: SignedHeaders,
    /// Its content type.
    pub content_type: String,
    /// Its body.
    pub body: Value,
    /// True when the signature and the time were right.
    pub is_sound: bool,
}

#[derive(Debug)]
struct Desk {
    clock: Clock,
    secrets: SigningSecrets,
    posts: Vec<Post>,
    taken: Vec<String>,
    scripted: VecDeque<Reply>,
}

/// The handle of a receiver; clones are the same one.
#[derive(Clone, Debug)]
pub struct Receiver(Arc<Mutex<Desk>>);

/// A receiver that listens, until it is dropped.
#[derive(Debug)]
pub struct RunningReceiver {
    /// Tells it what to do, and what came.
    pub receiver: Receiver,
    address: SocketAddr,
    server: JoinHandle<std::io::Result<()>>,
}

impl Receiver {
    /// Listens on a free loopback port.
    pub async fn start(clock: Clock) -> Result<RunningReceiver> {
        let secrets = SigningSecrets::parse(&SECRET.into()).ok_or_else(|| Error::internal("no secret"))?;
        let desk = Desk { clock, secrets, posts: Vec::new(), taken: Vec::new(), scripted: VecDeque::new() };
        let receiver = Self(Arc::new(Mutex::new(desk)));
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::internal)?;
        let address = listener.local_addr().map_err(Error::internal)?;
        let router = Router::new().fallback(take).with_state(receiver.clone());
        let server = tokio::spawn(axum::serve(listener, router).into_future());
        Ok(RunningReceiver { receiver, address, server })
    }

    /// Every post that came, repeats too.
    #[must_use]
    pub fn posts(&self) -> Vec<Post> {
        self.desk().posts.clone()
    }

    /// The ids of the messages that were taken, each once.
    #[must_use]
    pub fn taken(&self) -> Vec<String> {
        self.desk().taken.clone()
    }

    /// Answers the next post that has no answer yet with this. With a status of success, or with an answer that gets
    /// lost, the message is taken all the same.
    pub fn then(&self, reply: Reply) {
        self.desk().scripted.push_back(reply);
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunningReceiver {
    /// Where to post.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/texts", self.address)
    }
}

impl Drop for RunningReceiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
    let signed = SignedHeaders {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
    };
    receiver.desk().take(signed, header("content-type"), &body).serve()
}

impl Desk {
    fn take(&mut self, headers: SignedHeaders, content_type: String, body: &Bytes) -> Reply {
        let is_sound = self.secrets.verify(&headers, body, self.clock.now());
        let id = headers.id.clone();
        let read = serde_json::from_slice(body).unwrap_or_default();
        self.posts.push(Post { headers, content_type, body: read, is_sound });
        if !is_sound {
            return Reply::json(401, &json!({}));
        }
        let reply = self.scripted.pop_front().unwrap_or_else(|| Reply::json(202, &json!({"id": format!("op-{id}")})));
        if (200..300).contains(&reply.status) && !self.taken.contains(&id) {
            self.taken.push(id);
        }
        reply
    }
}
