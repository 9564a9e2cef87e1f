//! The two readers of the API's description: Swagger UI to try it out, `ReDoc` to read it. All they need is in the
//! binary; no other host is asked for anything.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;

use super::assets::{Asset, CSS, JAVASCRIPT, Page};
use super::openapi::show_document;

/// What the two pages may load. Both libraries write styles into the page, and `ReDoc` searches in a worker that it
/// makes from a blob; nothing else is open.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; worker-src blob:; frame-ancestors 'none'";

/// Where both pages find the description.
pub const DOCUMENT_PATH: &str = "/openapi.json";

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let ours = [
        Asset::new("/docs/init.js", JAVASCRIPT, include_str!("../../web/docs-init.js")),
        Asset::new("/redoc/init.js", JAVASCRIPT, include_str!("../../web/redoc-init.js")),
    ];
    let theirs = [
        swagger_file("swagger-ui.css").map(|text| Asset::new("/docs/swagger-ui.css", CSS, text)),
        swagger_file("swagger-ui-bundle.js").map(|text| Asset::new("/docs/swagger-ui-bundle.js", JAVASCRIPT, text)),
        redoc_script().map(|text| Asset::new("/redoc/redoc.js", JAVASCRIPT, text)),
    ];
    ours.into_iter().chain(theirs.into_iter().flatten()).collect()
});

static SWAGGER_UI: LazyLock<Page> = LazyLock::new(|| page(include_str!("../../web/docs.html")));
static REDOC: LazyLock<Page> = LazyLock::new(|| page(include_str!("../../web/redoc.html")));

/// `/docs`, `/redoc`, what they load and what they read; leaving it out switches the documentation off.
pub fn router() -> Router {
    let pages = Router::new().route("/docs", get(show_swagger_ui)).route("/redoc", get(show_redoc));
    let pages = pages.route(DOCUMENT_PATH, get(show_document));
    ASSETS.iter().fold(pages, |router, asset| asset.mount(router))
}

async fn show_swagger_ui() -> impl IntoResponse {
    SWAGGER_UI.answer()
}

async fn show_redoc() -> impl IntoResponse {
    REDOC.answer()
}

fn page(text: &str) -> Page {
    Page::new(text, &ASSETS, &[(CONTENT_SECURITY_POLICY, POLICY)])
}

fn swagger_file(name: &str) -> Option<Bytes> {
    let config = Arc::new(utoipa_swagger_ui::Config::from(DOCUMENT_PATH));
    let file = utoipa_swagger_ui::serve(name, config).ok()??;
    Some(match file.bytes {
        Cow::Borrowed(bytes) => Bytes::copy_from_slice(bytes),
        Cow::Owned(bytes) => bytes.into(),
    })
}

/// The script alone. Its crate hands out only a whole page with the script written into it, which our policy would
/// not run; and the script would load its maker's logo from elsewhere, so that address is emptied (the script hides
/// a logo that does not load).
fn redoc_script() -> Option<Bytes> {
    let html = aide::redoc::Redoc::new(DOCUMENT_PATH).html();
    let (_, from_script) = html.split_once("<script>")?;
    let (script, _) = from_script.rsplit_once("Redoc.init(")?;
    Some(script.trim().replace("https://cdn.redoc.ly/redoc/logo-mini.svg", "data:,").into())
}
