//! Where a request comes from, and whether too much came from there of late.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

use crate::app::App;
use crate::error::{Error, Result};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Visitor(pub IpAddr);

/// A visitor who has checked few codes of late. It stands before the body, so that whoever is too fast learns nothing
/// more, and a check counts whatever it says.
#[derive(Clone, Copy, Debug)]
pub struct CodeChecker(pub IpAddr);

/// A visitor who has signed up few numbers of late.
#[derive(Clone, Copy, Debug)]
pub struct Newcomer;

impl FromRequestParts<App> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::from([0, 0, 0, 0]), |ConnectInfo(peer)| peer.ip());
        Ok(Self(client_address(peer, &parts.headers, |address| app.config.listen.trusts(address))))
    }
}

impl FromRequestParts<App> for CodeChecker {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let Ok(Visitor(address)) = Visitor::from_request_parts(parts, app).await;
        app.limiter.check_code(address, app.clock.now()).await.map(|()| Self(address))
    }
}

impl FromRequestParts<App> for Newcomer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let Ok(Visitor(address)) = Visitor::from_request_parts(parts, app).await;
        app.limiter.sign_up(address, app.clock.now()).await.map(|()| Self)
    }
}

/// The right-most address of `X-Forwarded-For` that no proxy of ours wrote; the header counts only when the peer
/// itself is such a proxy.
fn client_address(peer: IpAddr, headers: &HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> IpAddr {
    if !is_trusted(peer) {
        return peer;
    }
    let lines = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok());
    let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let mut client = peer;
    for hop in hops.into_iter().rev() {
        let Some(address) = hop_address(hop) else { return client };
        client = address;
        if !is_trusted(address) {
            return client;
        }
    }
    client
}

/// Some proxies write the port as well.
fn hop_address(hop: &str) -> Option<IpAddr> {
    hop.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forwarded_address_counts_only_behind_a_trusted_proxy() {
        let proxy = |address: IpAddr| address.to_string().starts_with("10.");
        let seen = |peer: &str, chain: &str| client_address(peer.parse().unwrap(), &headers(chain), proxy).to_string();
        assert_eq!(seen("192.0.2.9", "203.0.113.1"), "192.0.2.9");
        assert_eq!(seen("10.0.0.1", "203.0.113.1"), "203.0.113.1");
        assert_eq!(seen("10.0.0.1", "203.0.113.1:5678"), "203.0.113.1");
        assert_eq!(seen("10.0.0.1", "198.51.100.1, 203.0.113.1, 10.0.0.2"), "203.0.113.1");
        assert_eq!(seen("10.0.0.1", "203.0.113.1, nonsense"), "10.0.0.1");
    }

    fn headers(chain: &str) -> HeaderMap {
        HeaderMap::from_iter([(FORWARDED_FOR, chain.parse().unwrap())])
    }
}
