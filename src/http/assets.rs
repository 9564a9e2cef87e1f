//! Files that travel inside the binary, and how long a browser may keep them.

use std::io::Write as _;
use std::sync::OnceLock;

use axum::Router;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::web::{weight, wishes};

/// The media type of our scripts.
pub const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
/// The media type of our styles.
pub const CSS: &str = "text/css; charset=utf-8";

const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";

/// A file served from memory. Pages name it by its address, which changes with its content, so a browser may keep it
/// for ever and still never works with an old one.
#[derive(Clone, Debug)]
pub struct Asset {
    path: &'static str,
    media_type: &'static str,
    content: Bytes,
    /// The same, smaller; made when somebody first asks for it.
    gzipped: OnceLock<Bytes>,
    version: String,
}

impl Asset {
    /// Takes the file in and works out its version from what it holds.
    pub fn new(path: &'static str, media_type: &'static str, content: impl Into<Bytes>) -> Self {
        let content = content.into();
        let version = version_of(&content);
        Self { path, media_type, content, gzipped: OnceLock::new(), version }
    }

    /// Where a page finds this very content.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}?v={}", self.path, self.version)
    }

    /// Adds the file's route.
    pub fn mount(&'static self, router: Router) -> Router {
        router.route(self.path, get(async |uri: Uri, headers: HeaderMap| self.answer(&uri, &headers)))
    }

    /// Only the address that names this content may be kept: during an upgrade an old page can meet a new node.
    fn answer(&self, uri: &Uri, headers: &HeaderMap) -> Response {
        let named = uri.query().and_then(|query| query.strip_prefix("v=")) == Some(self.version.as_str());
        let cache = if named { FOR_EVER } else { ASK_AGAIN };
        let about = [(CONTENT_TYPE, self.media_type), (CACHE_CONTROL, cache), (VARY, "Accept-Encoding")];
        if weight(&wishes(headers, ACCEPT_ENCODING), "gzip") > 0.0 {
            let gzipped = self.gzipped.get_or_init(|| gzip(&self.content)).clone();
            return (about, [(CONTENT_ENCODING, "gzip")], gzipped).into_response();
        }
        (about, self.content.clone()).into_response()
    }
}

/// What can't fail in memory would be served as it is.
fn gzip(content: &Bytes) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).and_then(|()| encoder.finish()).map_or_else(|_| content.clone(), Bytes::from)
}

/// Takes in files that name each other, as a page's modules do: each path, its media type and its text. A file may name
/// only those before it, for its own address follows from theirs: when one changes, so do the addresses of all above it.
#[must_use]
pub fn linked(files: &[(&'static str, &'static str, &'static str)]) -> Vec<Asset> {
    files.iter().fold(Vec::with_capacity(files.len()), |mut done, &(path, media_type, text)| {
        done.push(Asset::new(path, media_type, link(text, &done)));
        done
    })
}

/// Turns each quoted path of an asset into that asset's address.
fn link(text: &str, assets: &[Asset]) -> String {
    assets
        .iter()
        .fold(text.to_owned(), |text, a| text.replace(&format!("\"{}\"", a.path), &format!("\"{}\"", a.address())))
}

/// A page and the headers that bind it: which sources it may use, and that it is asked for anew each time.
#[derive(Clone, Debug)]
pub struct Page {
    text: Bytes,
    headers: Vec<(HeaderName, &'static str)>,
}

impl Page {
    /// Takes the page in and turns each path of an asset in it into that asset's address.
    #[must_use]
    pub fn new(text: &str, assets: &[Asset], headers: &[(HeaderName, &'static str)]) -> Self {
        let text = link(text, assets);
        let headers = [(CACHE_CONTROL, ASK_AGAIN)].iter().chain(headers).cloned().collect();
        Self { text: text.into(), headers }
    }

    /// The answer that shows the page.
    pub fn answer(&self) -> impl IntoResponse + use<> {
        let mut response = Html(self.text.clone()).into_response();
        for (name, value) in &self.headers {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// Nine bytes of the digest: no two contents of one file will ever share them.
fn version_of(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    BASE64_URL_SAFE_NO_PAD.encode(&digest[..9])
}
