//! The model's service, as the stand-in for Gemini plays it: it takes its time, counts, and can hold all answers back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use pollux::fakes::gemini::FakeGemini;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::cluster::Settings;

/// A service that listens until it is dropped.
pub struct Upstream {
    line: Line,
    url: String,
    server: JoinHandle<std::io::Result<()>>,
}

#[derive(Clone)]
struct Line {
    calls: Arc<AtomicUsize>,
    takes: Duration,
    is_open: Arc<watch::Sender<bool>>,
}

impl Upstream {
    /// Listens, and answers each call after so long.
    pub async fn start(takes: Duration) -> Self {
        let line = Line { calls: Arc::default(), takes, is_open: Arc::new(watch::Sender::new(true)) };
        let router = FakeGemini::default().router().layer(from_fn_with_state(line.clone(), pass));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self { line, url, server: tokio::spawn(axum::serve(listener, router).into_future()) }
    }

    /// What a process must be told to call it.
    pub fn settings(&self) -> Settings {
        vec![("GEMINI_API_KEY", "a-key-of-the-chaos-kit".to_owned()), ("GEMINI_BASE_URL", self.url.clone())]
    }

    /// How many answers it was asked for.
    pub fn calls(&self) -> usize {
        self.line.calls.load(Ordering::Relaxed)
    }

    /// Holds all answers back, or lets them go.
    pub fn hold(&self, held: bool) {
        self.line.is_open.send_replace(!held);
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Questions about the models are no calls.
async fn pass(State(line): State<Line>, request: Request, next: Next) -> Response {
    if request.method() == axum::http::Method::POST {
        line.calls.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(line.takes).await;
        let _ = line.is_open.subscribe().wait_for(|is_open| *is_open).await;
    }
    next.run(request).await
}
