//! A way to a server that can be made slow, cut or swallowed while it is used.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How the way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As if it were not there.
    Open,
    /// Whatever passes is late, in both directions.
    Slow(Duration),
    /// All connections are cut at once, and new ones too.
    Cut,
    /// Connections hang, and new ones are accepted and hang. What was sent arrives when this is over, as a network would
    /// send it again.
    Swallowed,
}

/// A way to one server; it ends with this.
pub struct Proxy {
    /// Where it begins.
    pub address: SocketAddr,
    way: watch::Sender<Way>,
    held: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Opens a way to a port of this machine.
    pub async fn start(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (way, watched) = watch::channel(Way::Open);
        let held = Arc::default();
        let path = Path { port, way: watched, held: Arc::clone(&held) };
        Self { address, way, held, accepting: tokio::spawn(accept(listener, path)) }
    }

    /// How often something was held back that was on its way to the server.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Makes the way be like that from now on.
    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.way.send_replace(Way::Cut);
    }
}

/// What each connection knows of its way.
#[derive(Clone)]
struct Path {
    port: u16,
    way: watch::Receiver<Way>,
    held: Arc<AtomicUsize>,
}

async fn accept(listener: TcpListener, path: Path) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(join(stream, path.clone()));
    }
}

/// Joins a connection with one to the server, until both sides have ended or the way is cut.
async fn join(mut near: TcpStream, Path { port, mut way, held }: Path) {
    let mut cut = way.clone();
    if way.wait_for(|way| *way != Way::Swallowed).await.is_err() {
        return;
    }
    let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((mut near_in, mut near_out), (mut far_in, mut far_out)) = (near.split(), far.split());
    let back = AtomicUsize::default();
    let is_cut = tokio::select! {
        // What was sent before an end arrives before it, and is worked on.
        _ = async {
            tokio::join!(
                carry(&mut near_in, &mut far_out, (way.clone(), &held)),
                carry(&mut far_in, &mut near_out, (way.clone(), &back)),
            )
        } => false,
        _ = cut.wait_for(|way| *way == Way::Cut) => true,
    };
    if is_cut {
        // Dropped like this, a connection is reset.
        let _ = (near.set_zero_linger(), far.set_zero_linger());
    }
}

async fn carry(from: &mut ReadHalf<'_>, to: &mut WriteHalf<'_>, (way, held): (watch::Receiver<Way>, &AtomicUsize)) {
    let (sent, received) = mpsc::unbounded_channel();
    tokio::join!(take(from, sent, way.clone()), deliver(to, received, (way, held)));
}

/// Takes what comes, and notes when it is to arrive.
async fn take(from: &mut ReadHalf<'_>, sent: mpsc::UnboundedSender<(Instant, Vec<u8>)>, way: watch::Receiver<Way>) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        let late = if let Way::Slow(late) = *way.borrow() { late } else { Duration::ZERO };
        if sent.send((Instant::now() + late, bytes[..length].to_vec())).is_err() {
            return;
        }
    }
}

async fn deliver(
    to: &mut WriteHalf<'_>,
    mut received: mpsc::UnboundedReceiver<(Instant, Vec<u8>)>,
    (mut way, held): (watch::Receiver<Way>, &AtomicUsize),
) {
    while let Some((due, bytes)) = received.recv().await {
        tokio::time::sleep_until(due).await;
        if *way.borrow() == Way::Swallowed {
            held.fetch_add(1, Ordering::Relaxed);
        }
        let _ = way.wait_for(|way| *way != Way::Swallowed).await;
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
