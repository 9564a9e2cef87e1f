//! Where Pollux listens, under which names it answers, and whom it believes.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use reqwest::Url;

use super::names::{self, Setting};
use super::net::{self, Cidr};
use super::reader::Reader;

/// Addresses and names of the two listeners.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Where the API listens; port 0 takes any free one.
    pub address: SocketAddr,
    /// Where metrics listen, and they alone; `None` is off.
    pub metrics: Option<SocketAddr>,
    /// The origin that people see, without a trailing slash, such as `https://chat.example.com`.
    pub public_url: Option<String>,
    /// Further host names to answer for, lower-case, without ports.
    pub extra_hosts: Vec<String>,
    /// Peers whose forwarded address is believed.
    pub trusted_proxies: Vec<Cidr>,
    /// Origins of other sites that may call, compared exactly.
    pub cors_origins: Vec<String>,
    /// Whether the description of the API and its two readers are served.
    pub shows_docs: bool,
}

impl Listen {
    /// True when only this machine can reach the API.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.address.ip().to_canonical().is_loopback()
    }

    /// True when people come by TLS, so that browsers may be told to insist on it.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.starts_with("https://"))
    }

    /// True when the address comes from a proxy whose word about the caller counts.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|block| block.contains(peer))
    }

    /// The `Host` names to answer for, lower-case, without ports, IPv6 in brackets; others are misdirected, which
    /// keeps a foreign name that points at us from reading anything.
    #[must_use]
    pub fn allowed_hosts(&self) -> BTreeSet<String> {
        let loopback = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        let public = self.public_url.as_deref().and_then(host_of);
        let own = Some(self.address.ip()).filter(|ip| !ip.is_unspecified()).map(host_text);
        loopback.into_iter().chain(public).chain(own).chain(self.extra_hosts.iter().cloned()).collect()
    }

    /// The origin that links begin with: the public one, else the listener's own. This machine is called `localhost`, as
    /// people type it: a browser that comes back under another name has signed in under neither.
    #[must_use]
    pub fn base_url(&self) -> String {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        let (ip, port) = (self.address.ip(), self.address.port());
        let is_here = ip.is_unspecified() || ip == Ipv4Addr::LOCALHOST;
        let host = if is_here { "localhost".to_owned() } else { host_text(ip) };
        format!("http://{host}:{port}")
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Listen {
    let address = SocketAddr::new(ip(reader, names::HOST), reader.port(names::PORT, 8000));
    let metrics = SocketAddr::new(ip(reader, names::METRICS_HOST), reader.port(names::METRICS_PORT, 9464));
    let metrics = Some(metrics).filter(|metrics| metrics.port() != 0);
    if metrics.is_some_and(|metrics| metrics.port() == address.port()) {
        reader.fault("METRICS_PORT is the same as PORT: metrics have a listener of their own (0 turns it off)");
    }
    if metrics.is_some_and(|metrics| !metrics.ip().to_canonical().is_loopback()) {
        reader.note("METRICS_HOST is not a loopback address: whoever reaches it can read the metrics");
    }
    Listen {
        address,
        metrics,
        public_url: public_url(reader),
        extra_hosts: read_each(reader, names::ALLOWED_HOSTS, "host names such as chat.example.com", net::host_name),
        trusted_proxies: proxies(reader),
        cors_origins: read_each(reader, names::CORS_ORIGINS, "origins such as https://chat.example.com", net::origin),
        shows_docs: reader.choice(names::DOCS, &[("on", true), ("off", false)]).unwrap_or(true),
    }
}

fn ip(reader: &mut Reader<'_>, setting: Setting) -> IpAddr {
    let default = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let Some(found) = reader.first(setting).filter(|found| found.value != "localhost") else { return default };
    let bare = found.value.trim_start_matches('[').trim_end_matches(']');
    bare.parse().unwrap_or_else(|_| {
        reader.fault(format!("{} must be an IP address, such as 127.0.0.1 or 0.0.0.0", found.name));
        default
    })
}

fn public_url(reader: &mut Reader<'_>) -> Option<String> {
    let found = reader.first(names::PUBLIC_URL)?;
    let origin = net::origin(found.value);
    if origin.is_none() {
        reader.fault(format!("{} must be an origin and no more, such as https://chat.example.com", found.name));
    }
    origin
}

/// Reads each item of a list. A lone `*`, which other systems' files carry, opens nothing here and is left out.
fn read_each<T>(reader: &mut Reader<'_>, setting: Setting, what: &str, read: fn(&str) -> Option<T>) -> Vec<T> {
    let name = setting.name();
    let (stars, items): (Vec<_>, Vec<_>) = reader.list(setting).into_iter().partition(|item| item == "*");
    if !stars.is_empty() {
        reader.note(format!("* in {name} is left out: name them one by one"));
    }
    let count = items.len();
    let read: Vec<_> = items.iter().filter_map(|item| read(item)).collect();
    if read.len() < count {
        reader.fault(format!("{name} must list {what}"));
    }
    read
}

fn proxies(reader: &mut Reader<'_>) -> Vec<Cidr> {
    let items = reader.list(names::TRUSTED_PROXIES);
    let blocks: Vec<_> = items.iter().filter_map(|item| Cidr::parse(item)).collect();
    if blocks.len() < items.len() {
        reader.fault("TRUSTED_PROXIES must list addresses or blocks such as 10.0.0.0/8, and not everybody");
    }
    blocks
}

fn host_of(url: &str) -> Option<String> {
    Url::parse(url).ok()?.host_str().map(str::to_owned)
}

fn host_text(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::Settings;

    fn listen(pairs: &[(&str, &str)]) -> Result<(Listen, Vec<String>), String> {
        let settings = Settings::from_pairs(pairs.iter().copied());
        let mut reader = Reader::new(&settings);
        let listen = read(&mut reader);
        reader.finish().map(|notes| (listen, notes)).map_err(|faults| faults.to_string())
    }

    #[test]
    fn loopback_names_the_public_host_and_listed_ones_are_answered() {
        let pairs = [
            ("HOST", "192.168.1.5"),
            ("PUBLIC_URL", "https://Chat.Example:8443/"),
            ("ALLOWED_HOSTS", "api.example, B.example:80"),
        ];
        let (listen, _) = listen(&pairs).unwrap();
        let hosts: Vec<_> = listen.allowed_hosts().into_iter().collect();
        let expected = ["127.0.0.1", "192.168.1.5", "[::1]", "api.example", "b.example", "chat.example", "localhost"];
        assert_eq!(hosts, expected);
        assert_eq!(listen.base_url(), "https://chat.example:8443");
        assert!(listen.is_https() && !listen.is_loopback());
    }

    #[test]
    fn lists_are_written_with_commas_or_as_json() {
        let (commas, _) = listen(&[("CORS_ORIGINS", "http://localhost:3000/, https://a.example")]).unwrap();
        let (json, _) = listen(&[("CORS_ORIGINS", r#"["http://localhost:3000", "https://a.example"]"#)]).unwrap();
        assert_eq!(commas.cors_origins, ["http://localhost:3000", "https://a.example"]);
        assert_eq!(commas.cors_origins, json.cors_origins);
        assert!(listen(&[("CORS_ORIGINS", r#"["a"#)]).is_err());
    }

    #[test]
    fn a_lone_star_opens_nothing_and_is_said() {
        let (listen, notes) = listen(&[("CORS_ORIGINS", r#"["*"]"#), ("ALLOWED_HOSTS", "*")]).unwrap();
        assert!(listen.cors_origins.is_empty() && listen.extra_hosts.is_empty());
        assert_eq!(notes.len(), 2);
    }

    #[test]
    fn metrics_are_apart_and_can_be_off() {
        assert_eq!(listen(&[]).unwrap().0.metrics.unwrap().to_string(), "127.0.0.1:9464");
        assert!(listen(&[("METRICS_PORT", "0")]).unwrap().0.metrics.is_none());
        assert!(listen(&[("METRICS_PORT", "8000")]).unwrap_err().contains("METRICS_PORT"));
    }

    #[test]
    fn addresses_that_are_none_are_refused() {
        for pair in [
            ("HOST", "example.com"),
            ("PORT", "65536"),
            ("PUBLIC_URL", "https://a.example/app"),
            ("ALLOWED_HOSTS", "*.example.com"),
            ("TRUSTED_PROXIES", "0.0.0.0/0"),
            ("CORS_ORIGINS", "null"),
        ] {
            let told = listen(&[pair]).unwrap_err();
            assert!(told.contains(pair.0), "{told}");
        }
    }

    #[test]
    fn a_trusted_proxy_is_known_by_its_block() {
        let (listen, _) = listen(&[("TRUSTED_PROXIES", "10.0.0.0/8,::1")]).unwrap();
        assert!(listen.trusts("10.1.2.3".parse().unwrap()) && listen.trusts("::1".parse().unwrap()));
        assert!(!listen.trusts("127.0.0.1".parse().unwrap()));
    }
}
