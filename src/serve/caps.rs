//! How many connections there may be, in all and of one address; counted at accept and close alone.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::limits::Limits;

/// The count of open connections.
pub(super) struct Caps {
    total: AtomicUsize,
    max_total: usize,
    peers: Mutex<HashMap<IpAddr, usize>>,
    max_per_peer: usize,
    exempt: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    open: Arc<AtomicUsize>,
}

/// Which cap a new connection would break.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// Too many in all.
    House,
    /// Too many of its address.
    Peer,
}

/// The right to one open connection; given back when dropped.
pub(super) struct Seat {
    caps: Arc<Caps>,
    peer: Option<IpAddr>,
}

impl Caps {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            total: AtomicUsize::new(0),
            max_total: limits.connections(),
            peers: Mutex::default(),
            max_per_peer: limits.max_per_peer,
            exempt: limits.exempt.clone(),
            open: Arc::clone(&limits.open),
        })
    }

    /// Takes a seat for a connection from `ip`, if there is one.
    pub(super) fn seat(self: &Arc<Self>, ip: IpAddr) -> Result<Seat, Full> {
        if self.total.fetch_add(1, Ordering::Relaxed) >= self.max_total {
            self.total.fetch_sub(1, Ordering::Relaxed);
            return Err(Full::House);
        }
        self.open.fetch_add(1, Ordering::Relaxed);
        let mut seat = Seat { caps: self.clone(), peer: None };
        if self.max_per_peer > 0 && !(self.exempt)(ip) {
            seat.peer = Some(self.count(network(ip))?);
        }
        Ok(seat)
    }

    fn count(&self, peer: IpAddr) -> Result<IpAddr, Full> {
        let mut peers = self.peers();
        let open = peers.entry(peer).or_insert(0);
        if *open >= self.max_per_peer {
            return Err(Full::Peer);
        }
        *open += 1;
        Ok(peer)
    }

    fn peers(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.caps.total.fetch_sub(1, Ordering::Relaxed);
        self.caps.open.fetch_sub(1, Ordering::Relaxed);
        let Some(peer) = self.peer else { return };
        let mut peers = self.caps.peers();
        let Some(open) = peers.get_mut(&peer) else { return };
        *open -= 1;
        if *open == 0 {
            peers.remove(&peer);
        }
    }
}

/// The part of an address that one customer holds: all of IPv4, the first 64 bits of IPv6.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(max_connections: usize, max_per_peer: usize) -> Arc<Caps> {
        Caps::new(&Limits { max_per_peer, max_connections, ..Limits::default() })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_seat_given_back_can_be_taken_again() {
        let caps = caps(1, 0);
        let seat = caps.seat(ip("10.0.0.1")).ok();
        assert_eq!(caps.seat(ip("10.0.0.2")).err(), Some(Full::House));
        drop(seat);
        assert!(caps.seat(ip("10.0.0.2")).is_ok());
    }

    #[test]
    fn a_refusal_takes_no_seat_and_leaves_no_trace() {
        let caps = caps(10, 1);
        let seat = caps.seat(ip("10.0.0.1")).ok();
        for _ in 0..20 {
            assert_eq!(caps.seat(ip("10.0.0.1")).err(), Some(Full::Peer));
        }
        assert_eq!(caps.total.load(Ordering::Relaxed), 1);
        drop(seat);
        assert!(caps.peers().is_empty());
        assert_eq!(caps.total.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn an_ipv6_customer_is_counted_by_the_first_64_bits() {
        let caps = caps(10, 1);
        let _seat = caps.seat(ip("2001:db8::1")).ok();
        assert_eq!(caps.seat(ip("2001:db8::ffff:1")).err(), Some(Full::Peer));
        assert!(caps.seat(ip("2001:db8:0:1::1")).is_ok());
    }

    #[test]
    fn a_trusted_proxy_is_not_counted() {
        let limits = Limits { max_per_peer: 1, exempt: Arc::new(|ip| ip.is_loopback()), ..Limits::default() };
        let caps = Caps::new(&limits);
        let seats: Vec<_> = (0..5).map(|_| caps.seat(ip("127.0.0.1"))).collect();
        assert!(seats.iter().all(Result::is_ok));
    }
}
