//! Small checks on addresses and names of hosts.

use std::net::{IpAddr, Ipv6Addr};

use reqwest::Url;

/// A block of addresses, such as `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    first: IpAddr,
    prefix_bits: u8,
}

impl Cidr {
    /// Reads `address` or `address/bits`; a block of all addresses is none, for it would trust everybody.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let first: IpAddr = address.parse().ok()?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match bits {
            None => most,
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => bits.parse().ok()?,
            Some(_) => return None,
        };
        (1..=most).contains(&prefix_bits).then_some(Self { first, prefix_bits })
    }

    /// True when `address` lies in the block; an IPv4 address in IPv6 clothes counts as the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                (first.to_bits() ^ address.to_bits()).leading_zeros() >= u32::from(self.prefix_bits)
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                (first.to_bits() ^ address.to_bits()).leading_zeros() >= u32::from(self.prefix_bits)
            }
            _ => false,
        }
    }
}

/// True for `localhost` and loopback addresses.
pub(super) fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}

/// The scheme, host and port of an address that has nothing else, as browsers write an origin.
pub(super) fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let web = matches!(url.scheme(), "http" | "https") && !text.contains('*') && !text.contains('@');
    (bare && web).then(|| url.origin().ascii_serialization())
}

/// The host of a `Host` header or of a list of them, lower-case and without its port; IPv6 keeps its brackets.
#[must_use]
pub fn host_name(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    if !text.chars().all(allowed) {
        return None;
    }
    let url = Url::parse(&format!("http://{text}")).ok()?;
    url.host_str().map(str::to_owned)
}

/// Writes text so that it may stand in any part of an address.
pub(super) fn percent_encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// A host name, an IPv6 address, or the folder of a socket.
pub(super) fn encode_host(host: &str) -> String {
    match host.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => percent_encode(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(block: &str, address: &str) -> bool {
        Cidr::parse(block).unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_block_holds_its_addresses_and_no_others() {
        assert!(holds("10.0.0.0/8", "10.255.0.1"));
        assert!(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(!holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("192.168.1.7", "192.168.1.7"));
        assert!(!holds("192.168.1.7", "192.168.1.6"));
        assert!(holds("fd00::/8", "fd12::1"));
        assert!(!holds("fd00::/8", "10.0.0.1"));
    }

    #[test]
    fn a_block_of_everybody_or_of_nonsense_is_refused() {
        for text in ["0.0.0.0/0", "::/0", "*", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0.0/", "example.com", "10.0.0"] {
            assert_eq!(Cidr::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_origin_is_written_as_browsers_do() {
        assert_eq!(origin("HTTP://LocalHost:3000/").as_deref(), Some("http://localhost:3000"));
        assert_eq!(origin("https://a.example:443").as_deref(), Some("https://a.example"));
        for text in ["null", "*", "a.example", "https://*.a.example", "https://a.example/app", "ftp://a", "http://u@a"]
        {
            assert_eq!(origin(text), None, "{text}");
        }
    }

    #[test]
    fn a_host_loses_its_port_and_its_case() {
        assert_eq!(host_name("Chat.Example:8443").as_deref(), Some("chat.example"));
        assert_eq!(host_name("[::1]:8000").as_deref(), Some("[::1]"));
        for text in ["", "*.example.com", "http://a.example", "a/b", "a b"] {
            assert_eq!(host_name(text), None, "{text}");
        }
    }

    #[test]
    fn text_is_encoded_for_any_part_of_an_address() {
        assert_eq!(percent_encode("p@ss:w/rd é"), "p%40ss%3Aw%2Frd%20%C3%A9");
    }
}
