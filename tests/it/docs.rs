//! The pages for people: what they load is here, allowed by their own policy, and comes from nowhere else.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use pollux::http::{docs, web};
use tower::ServiceExt;

use crate::harness::{Engine, TestApp};

const PAGES: [&str; 3] = ["/", "/docs", "/redoc"];

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn header(&self, name: &header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn app() -> Router {
    docs::router().merge(web::router())
}

async fn get(path: &str) -> Answer {
    get_as(path, "*/*").await
}

async fn get_as(path: &str, accept: &str) -> Answer {
    let request = Request::get(path).header(header::ACCEPT, accept).body(Body::empty()).unwrap();
    let (parts, body) = app().oneshot(request).await.unwrap().into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, text }
}

/// The values of `src="..."`, and of `href="..."` on a `<link>`: what a browser loads by itself.
fn loaded_by(page: &str) -> Vec<&str> {
    page.split('<')
        .filter(|tag| tag.starts_with("script") || tag.starts_with("link") || tag.starts_with("img"))
        .flat_map(|tag| ["src=\"", "href=\""].map(|name| tag.split_once(name)))
        .flatten()
        .map(|(_, value)| value.split('"').next().unwrap())
        .collect()
}

#[tokio::test]
async fn each_page_is_html_that_is_asked_for_anew() {
    for path in PAGES {
        let page = get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert_eq!(page.header(&header::CONTENT_TYPE), "text/html; charset=utf-8", "{path}");
        assert_eq!(page.header(&header::CACHE_CONTROL), "no-cache", "{path}");
    }
}

#[tokio::test]
async fn each_page_is_bound_by_exactly_its_policy() {
    let docs = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                connect-src 'self'; worker-src blob:; frame-ancestors 'none'";
    let page = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; \
                require-trusted-types-for 'script'";
    assert_eq!(get("/docs").await.header(&header::CONTENT_SECURITY_POLICY), docs);
    assert_eq!(get("/redoc").await.header(&header::CONTENT_SECURITY_POLICY), docs);
    let index = get("/").await;
    assert_eq!(index.header(&header::CONTENT_SECURITY_POLICY), page);
    assert_eq!(index.headers["cross-origin-opener-policy"], "same-origin");
    for feature in ["camera", "microphone", "geolocation", "payment", "usb"] {
        let policy = index.headers["permissions-policy"].to_str().unwrap();
        assert!(policy.split(", ").any(|rule| rule == format!("{feature}=()")), "{feature}");
    }
}

#[tokio::test]
async fn no_page_has_a_script_of_its_own_or_loads_from_another_host() {
    for path in PAGES {
        let page = get(path).await.text;
        for tag in page.split("<script").skip(1) {
            let (attributes, body) = tag.split_once('>').unwrap();
            assert!(attributes.contains("src=\"/"), "{path}: {attributes}");
            assert!(body.starts_with("</script>"), "{path}: {body}");
        }
        for address in loaded_by(&page) {
            let own = address.starts_with('/') && !address.starts_with("//");
            assert!(own || address == "data:,", "{path}: {address}");
        }
        for tag in page.split('<').map(|tag| tag.split('>').next().unwrap()) {
            assert!(!tag.contains(" on"), "{path}: a handler in <{tag}>");
        }
        assert!(!page.contains("http://") && !page.contains("https://"), "{path}");
    }
}

#[tokio::test]
async fn everything_a_page_loads_is_here_and_may_be_kept_for_ever() {
    for path in PAGES {
        let page = get(path).await.text;
        let files: Vec<_> = loaded_by(&page).into_iter().filter(|address| address.starts_with('/')).collect();
        assert!(!files.is_empty(), "{path}");
        for address in files {
            let file = get(address).await;
            assert_eq!(file.status, StatusCode::OK, "{address}");
            assert_eq!(file.header(&header::CACHE_CONTROL), "public, max-age=31536000, immutable", "{address}");
            let is_style = address.contains(".css?");
            let expected = if is_style { "text/css; charset=utf-8" } else { "text/javascript; charset=utf-8" };
            assert_eq!(file.header(&header::CONTENT_TYPE), expected, "{address}");
            assert!(file.text.len() > 300, "{address}");
        }
    }
}

#[tokio::test]
async fn a_file_asked_for_by_another_version_is_not_kept() {
    for address in ["/redoc/redoc.js", "/redoc/redoc.js?v=older", "/assets/style.css"] {
        let file = get(address).await;
        assert_eq!(file.status, StatusCode::OK, "{address}");
        assert_eq!(file.header(&header::CACHE_CONTROL), "no-cache", "{address}");
    }
}

#[tokio::test]
async fn the_redoc_script_is_whole_and_asks_no_other_host_for_a_logo() {
    let script = get("/redoc/redoc.js").await.text;
    assert!(script.len() > 500_000 && script.contains("ReDoc Version"));
    assert!(!script.contains("<!DOCTYPE html>\n<html lang=\"en\">\n  <head>"));
    assert!(!script.contains("cdn.redoc.ly"));
}

#[tokio::test]
async fn the_front_door_answers_programs_in_json_and_people_with_the_page() {
    for accept in ["application/json", "application/json, text/html;q=0.9", "text/html;q=0, */*", "application/*"] {
        let answer = get_as("/", accept).await;
        assert_eq!(answer.header(&header::CONTENT_TYPE), "application/json", "{accept}");
        let index: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(index["name"], "Pollux");
        assert_eq!(index["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(index["links"]["docs"], "/docs");
    }
    for accept in ["*/*", "text/html,application/xml;q=0.9,*/*;q=0.8", "", "text/html, application/json"] {
        let answer = get_as("/", accept).await;
        assert_eq!(answer.header(&header::CONTENT_TYPE), "text/html; charset=utf-8", "{accept}");
        assert_eq!(answer.header(&header::VARY), "Accept");
    }
}

#[tokio::test]
async fn the_documentation_can_be_switched_off() {
    let app = TestApp::start_with(Engine::Sqlite, &[("DOCS", "off")]).await;
    for path in ["/docs", "/redoc", "/openapi.json", "/docs/init.js", "/redoc/redoc.js"] {
        app.client().get(path).await.expect_problem(404, "not_found");
    }
    app.client().get("/").await.expect(200);
    app.user().await;
}
