//! Where processes share what may be lost, and under which names.

use reqwest::Url;
use secrecy::SecretString;

use super::names;
use super::net::{encode_host, percent_encode};
use super::reader::{Found, Reader};

/// A server that processes share.
#[derive(Clone, Debug)]
pub struct Redis {
    /// Its address.
    pub url: SecretString,
    /// What every key and channel of ours begins with, so that several systems can use one server.
    pub prefix: String,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Redis> {
    let url = read_address(reader);
    let prefix = reader.text(names::REDIS_PREFIX).unwrap_or_else(|| "pollux:".to_owned());
    url.map(|url| Redis { url, prefix })
}

fn read_address(reader: &mut Reader<'_>) -> Option<SecretString> {
    if let Some(found) = reader.first(names::REDIS_URL) {
        return read_url(reader, found);
    }
    let names = [names::REDIS_HOST, names::REDIS_PORT, names::REDIS_PASSWORD, names::REDIS_DB];
    if !reader.parts_are_set(&names) {
        return None;
    }
    let port = reader.port(names::REDIS_PORT, 6379);
    let number = reader.number(names::REDIS_DB, 0..=1023, 0);
    let host = encode_host(reader.first(names::REDIS_HOST)?.value);
    let password =
        reader.text(names::REDIS_PASSWORD).map_or(String::new(), |text| format!(":{}@", percent_encode(&text)));
    Some(format!("redis://{password}{host}:{port}/{number}").into())
}

/// Says what Celery puts into the address in our client's words: its word for an unchecked certificate is `#insecure`.
fn read_url(reader: &mut Reader<'_>, found: Found<'_>) -> Option<SecretString> {
    let url = Url::parse(found.value).ok();
    let url =
        url.filter(|url| matches!(url.scheme(), "redis" | "rediss") && url.host_str().is_some_and(|h| !h.is_empty()));
    let Some(mut url) = url else {
        reader.fault(format!("{} must be redis://host:6379/0 (rediss:// for TLS)", found.name));
        return None;
    };
    let (of_celery, others): (Vec<_>, Vec<_>) =
        url.query_pairs().into_owned().partition(|(name, _)| name == "ssl_cert_reqs");
    if of_celery.iter().any(|(_, value)| matches!(value.to_ascii_lowercase().as_str(), "none" | "cert_none")) {
        reader.note(format!("{} says that Redis's certificate is not to be checked", found.name));
        url.set_fragment(Some("insecure"));
    }
    url.set_query(None);
    if !others.is_empty() {
        url.query_pairs_mut().extend_pairs(others);
    }
    Some(String::from(url).into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::config::settings::Settings;

    #[test]
    fn redis_comes_whole_or_in_parts() {
        let redis = |pairs: &[(&str, &str)]| {
            let settings = Settings::from_pairs(pairs.iter().copied());
            let mut reader = Reader::new(&settings);
            let url = read(&mut reader).map(|redis| redis.url.expose_secret().to_owned());
            reader.finish().map(|_| url)
        };
        let tls = redis(&[("REDIS_URL", "rediss://:pw@r:6379/1?ssl_cert_reqs=CERT_NONE")]).unwrap();
        assert_eq!(tls.as_deref(), Some("rediss://:pw@r:6379/1#insecure"));
        let parts = redis(&[("REDIS_HOST", "r"), ("REDIS_PASSWORD", "p@"), ("REDIS_DB", "2")]).unwrap();
        assert_eq!(parts.as_deref(), Some("redis://:p%40@r:6379/2"));
        assert_eq!(redis(&[]).unwrap(), None);
        assert!(redis(&[("REDIS_URL", "http://r")]).is_err());
        assert!(redis(&[("REDIS_PASSWORD", "p")]).is_err());
    }
}
