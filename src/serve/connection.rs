//! One connection from accept to close: its requests, its one timer, its part in a stop.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use futures_util::FutureExt as _;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::yield_now;
use tokio::time::{Instant, Sleep, sleep};
use tower::Service as _;

use super::gate::Gate;
use super::limits::Limits;
use super::pulse::{Busy, Phase, Pulse};
use super::stop::{Stop, StopSignal};

/// What all connections share.
pub(super) struct House {
    pub(super) app: Router,
    pub(super) limits: Arc<Limits>,
    pub(super) stop: Stop,
    pub(super) http: http1::Builder,
}

impl House {
    pub(super) fn new(app: Router, limits: Limits, stop: Stop) -> Self {
        let mut http = http1::Builder::new();
        // The parser's own timer would be made anew for each request and would not tell idleness from a slow head.
        http.header_read_timeout(None).max_buf_size(parser_buffer(&limits));
        Self { app: app.with_state(()), limits: Arc::new(limits), stop, http }
    }

    /// Serves one connection until either side ends it, a deadline passes or the stop cuts it.
    pub(super) async fn attend(&self, stream: TcpStream, peer: SocketAddr) {
        let pulse = Arc::new(Pulse::default());
        let gate = Gate::new(stream, self.limits.clone(), pulse.clone());
        let signal = StopSignal::new(self.stop.clone());
        let service = service_fn(|request| self.answer(request, peer, &signal, &pulse));
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(gate), service));
        let alarm = pin!(sleep(self.limits.head_timeout));
        let mut watch = Watch::new(&self.limits, &pulse, alarm);
        let mut begun = pin!(self.stop.begun());
        // Waiting for the stop takes a shared lock, so it is done once: the waker left there stays this task's own, and
        // from then on the flag says whether it was the stop that woke us.
        poll_fn(|cx| Poll::Ready(begun.as_mut().poll(cx).is_ready())).await;
        let is_over = poll_fn(|cx| match watch.poll(cx, connection.as_mut()) {
            Poll::Pending if self.stop.is_begun() => Poll::Ready(false),
            turn => turn.map(|()| true),
        });
        if is_over.await {
            return;
        }
        // One more turn, after the system was asked for news: a request that has arrived is still answered.
        yield_now().await;
        if poll_fn(|cx| Poll::Ready(watch.poll(cx, connection.as_mut()).is_ready())).await {
            return;
        }
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            () = poll_fn(|cx| watch.poll(cx, connection.as_mut())) => {}
            () = self.stop.is_cut() => {}
        }
    }

    fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: SocketAddr,
        signal: &StopSignal,
        pulse: &Arc<Pulse>,
    ) -> impl Future<Output = Result<Response<Tracked>, Infallible>> + use<> {
        let busy = Busy::start(pulse);
        let extensions = request.extensions_mut();
        extensions.insert(ConnectInfo(peer));
        extensions.insert(signal.clone());
        if let Some(flaw) = pulse.take_flaw() {
            extensions.insert(flaw);
        }
        self.app
            .clone()
            .call(request)
            .map(|answer| answer.map(|response| response.map(|body| Tracked::new(body, busy))))
    }
}

/// Room for the largest head, and at least for reading a body in useful pieces.
fn parser_buffer(limits: &Limits) -> usize {
    const LEAST: usize = 32 * 1024;
    limits.max_head_bytes.saturating_mul(2).max(LEAST)
}

/// The body of an answer, which keeps its connection busy until its last byte.
struct Tracked {
    body: axum::body::Body,
    _busy: Busy,
}

impl Tracked {
    const fn new(body: axum::body::Body, busy: Busy) -> Self {
        Self { body, _busy: busy }
    }
}

impl hyper::body::Body for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Knows since when the connection has been in its phase, and how long it may stay there.
struct Watch<'task> {
    limits: &'task Limits,
    pulse: &'task Pulse,
    alarm: Pin<&'task mut Sleep>,
    phase: Phase,
    since: Instant,
}

impl<'task> Watch<'task> {
    fn new(limits: &'task Limits, pulse: &'task Pulse, alarm: Pin<&'task mut Sleep>) -> Self {
        Self { limits, pulse, alarm, phase: Phase::FirstHead, since: Instant::now() }
    }

    /// Lets the connection take its turn; ready when it has ended, or has been in one phase for too long.
    fn poll<C: Future>(&mut self, cx: &mut Context<'_>, connection: Pin<&mut C>) -> Poll<()> {
        if connection.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let phase = self.pulse.phase();
        if phase != self.phase {
            self.phase = phase;
            self.since = Instant::now();
        }
        self.limit().map_or(Poll::Pending, |limit| self.poll_alarm(cx, self.since + limit))
    }

    /// Ready at the deadline. The alarm is moved to an earlier moment at once, to a later one only when it rings: so a
    /// busy connection costs a timer a minute and not one a request.
    fn poll_alarm(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if deadline < self.alarm.deadline() {
            self.alarm.as_mut().reset(deadline);
        }
        while self.alarm.as_mut().poll(cx).is_ready() {
            if deadline <= self.alarm.deadline() {
                return Poll::Ready(());
            }
            self.alarm.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    /// How long the phase may last; a request being answered has its own limits further in.
    const fn limit(&self) -> Option<Duration> {
        match self.phase {
            Phase::FirstHead | Phase::Head(_) => Some(self.limits.head_timeout),
            Phase::Idle(_) => Some(self.limits.idle_timeout),
            Phase::Stalled(_) => Some(self.limits.write_stall),
            Phase::Lingering => Some(self.limits.linger),
            Phase::Busy => None,
        }
    }
}
