//! The accept loop: HTTP/1.1 with a deadline for everything a peer can delay, caps on what it can open, and a stop that
//! lets requests finish.
//!
//! Each connection is one task with one timer. Bytes pass through a gate before the parser sees them, so that the
//! limits hold whatever the split of the packets and ambiguous framing never reaches a handler. Handlers find the
//! peer's address as `ConnectInfo<SocketAddr>` and a [`StopSignal`] in the request's extensions.

#[cfg(test)]
mod agreement;
mod caps;
mod connection;
mod framing;
mod gate;
mod head;
mod limits;
mod octets;
mod pulse;
mod stop;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use caps::{Caps, Full};
use connection::House;
pub use limits::Limits;
pub(crate) use octets::has_bad_percent;
pub use pulse::HeadFlaw;
pub use stop::{Stop, StopSignal};

/// How long accepting rests when the system has no descriptor or memory for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long cut connections have to let go.
const CUT_GRACE: Duration = Duration::from_secs(1);

/// What a peer is told when there is no seat left in the house.
const HOUSE_FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/problem+json\r\ncontent-length: 140\r\nretry-after: 5\r\ncache-control: no-store\r\n\
    x-content-type-options: nosniff\r\nconnection: close\r\n\r\n\
    {\"type\":\"/problems/overloaded\",\"title\":\"Too busy\",\"status\":503,\"code\":\"overloaded\",\
    \"detail\":\"Too many connections. Please try again later.\"}";

/// Serves `app` on `listener` until `stop`, and returns how many connections had to be cut because they did not end
/// within `limits.drain`.
pub async fn serve(listener: TcpListener, app: Router, limits: Limits, stop: Stop) -> usize {
    let caps = Caps::new(&limits);
    let house = Arc::new(House::new(app, limits, stop));
    let connections = TaskTracker::new();
    accept_until_stop(listener, &house, &caps, &connections).await;
    connections.close();
    drain(&house, &connections).await
}

/// Takes the listener, so that it is closed the moment the stop begins.
async fn accept_until_stop(listener: TcpListener, house: &Arc<House>, caps: &Arc<Caps>, connections: &TaskTracker) {
    let mut begun = pin!(house.stop.begun());
    loop {
        tokio::select! {
            biased;
            () = &mut begun => return,
            (stream, peer) = accept(&listener) => {
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                match caps.seat(peer.ip()) {
                    Ok(seat) => {
                        let house = house.clone();
                        connections.spawn(async move {
                            house.attend(stream, peer).await;
                            drop(seat);
                        });
                    }
                    Err(Full::House) => turn_away(stream),
                    Err(Full::Peer) => drop(stream),
                }
            }
        }
    }
}

/// The next connection, however often the system refuses to hand it over.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let mut is_refused = false;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Without this only the latency of small answers is worse.
                let _ = stream.set_nodelay(true);
                return (stream, peer);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if !std::mem::replace(&mut is_refused, true) {
                    tracing::warn!(%error, "can't accept connections for now");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// True when only the connection being accepted failed, and the next may well succeed.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Says why and closes at once; never waits, for a house that is full has no time.
fn turn_away(stream: TcpStream) {
    let Ok(mut stream) = stream.into_std() else { return };
    // What has arrived is taken out first, because closing over unread bytes would reset the connection.
    let _ = io::Read::read(&mut stream, &mut [0; 4096]);
    let _ = stream.write(HOUSE_FULL);
}

/// Waits for the connections to end and cuts those that take too long.
async fn drain(house: &House, connections: &TaskTracker) -> usize {
    let cut = tokio::select! {
        ended = timeout(house.limits.drain, connections.wait()) => ended.is_err(),
        () = house.stop.is_cut() => true,
    };
    if !cut {
        return 0;
    }
    let left = connections.len();
    house.stop.cut();
    let _ = timeout(CUT_GRACE, connections.wait()).await;
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_of_a_full_house_is_a_whole_answer() {
        let text = str::from_utf8(HOUSE_FULL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(problem["status"], 503);
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
    }
}
