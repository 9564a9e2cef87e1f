//! A stand-in for Gemini: it checks every request, echoes the prompt, and serves scripted answers byte for byte.

mod aside;
mod catalogue;
mod checks;
mod echo;
mod reply;
mod script;

use std::convert::identity;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use self::reply::Reply;
use self::script::Script;
use crate::error::{Error, Result};

/// The longest request that is safe to send to the original.
const MAX_REQUEST: usize = 20 * 1024 * 1024;

/// What Gemini was asked, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The path, with its version, such as `/v1beta/models/gemini-3.8-flash:generateContent`.
    pub path: String,
    /// The query as it came.
    pub query: Option<String>,
    /// The key, from the header or the query.
    pub key: String,
    /// True when the key came in the header, where it belongs.
    pub is_key_in_header: bool,
    /// The body, where it was JSON.
    pub body: Value,
}

/// The handle of a stand-in; clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct FakeGemini(Arc<Mutex<Script>>);

/// A stand-in that listens, until it is dropped.
#[derive(Debug)]
pub struct RunningGemini {
    /// Tells it what to do, and what it was asked.
    pub fake: FakeGemini,
    address: SocketAddr,
    server: JoinHandle<std::io::Result<()>>,
}

impl FakeGemini {
    /// Listens on a free loopback port.
    pub async fn start() -> Result<RunningGemini> {
        let fake = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::internal)?;
        let address = listener.local_addr().map_err(Error::internal)?;
        let server = tokio::spawn(axum::serve(listener, fake.router()).into_future());
        Ok(RunningGemini { fake, address, server })
    }

    /// The routes alone, for a caller that serves them itself.
    pub fn router(&self) -> Router {
        Router::new().fallback(handle).layer(DefaultBodyLimit::max(MAX_REQUEST)).with_state(self.clone())
    }

    /// Adds the answer to the next call that has none yet; once all are given it echoes again.
    pub fn then(&self, reply: Reply) {
        self.script().next.push_back(reply);
    }

    /// Says how to answer every call that no [`Self::then`] is left for; nothing means: echo.
    pub fn otherwise(&self, reply: Option<Reply>) {
        self.script().otherwise = reply;
    }

    /// What it was asked, oldest first; the last thousand calls, because a bench makes many more.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.script().calls.iter().cloned().collect()
    }

    /// How many calls there were.
    #[must_use]
    pub fn count(&self) -> usize {
        self.script().count
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunningGemini {
    /// What the client's base address must be.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for RunningGemini {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn handle(State(fake): State<FakeGemini>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let call = Call::new(&uri, &headers, &body);
    let (scripted, count) = fake.script().log(&call);
    let reply = scripted.unwrap_or_else(|| answer(&method, &call, &body, count).unwrap_or_else(identity));
    reply.serve()
}

fn answer(method: &Method, call: &Call, body: &[u8], count: usize) -> std::result::Result<Reply, Reply> {
    let path: Vec<&str> = call.path.trim_start_matches('/').split('/').collect();
    checks::caller(path.first().unwrap_or(&""), call)?;
    let query = call.query.as_deref().unwrap_or("");
    match (method, path.as_slice()) {
        (&Method::GET, [_, "models"]) => Ok(Reply::json(200, &catalogue::page(query))),
        (&Method::GET, [version, "models", name]) => catalogue::describe(version, name),
        (&Method::POST, [version, "models", name]) => {
            let (name, verb) = name.split_once(':').ok_or_else(reply::not_found_page)?;
            let model = catalogue::find(name).ok_or_else(|| catalogue::unknown(version, name, verb))?;
            let request = checks::json(body)?;
            match verb {
                "generateContent" => Ok(echo::whole(model, &checks::generate(&request, model)?, count)),
                "streamGenerateContent" => {
                    let is_sse = query.split('&').any(|pair| pair == "alt=sse");
                    Ok(echo::streamed(model, &checks::generate(&request, model)?, count, is_sse))
                }
                "countTokens" => Ok(echo::counted(&checks::count(&request, model)?)),
                _ => Err(reply::not_found_page()),
            }
        }
        _ => Err(reply::not_found_page()),
    }
}

impl Call {
    fn new(uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Self {
        let (path, query) = (uri.path().to_owned(), uri.query().map(ToOwned::to_owned));
        let header = headers.get("x-goog-api-key").and_then(|key| key.to_str().ok()).filter(|key| !key.is_empty());
        let mut pairs = query.as_deref().unwrap_or("").split('&');
        let in_query = pairs.find_map(|pair| pair.strip_prefix("key="));
        let key = header.or(in_query).unwrap_or("").to_owned();
        let is_key_in_header = header.is_some();
        Self { path, query, key, is_key_in_header, body: serde_json::from_slice(body).unwrap_or_default() }
    }
}
