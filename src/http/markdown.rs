//! Markdown, read for pages that build their own elements.

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::extract::{Caller, Input};
use super::form::{Fields, Form};
use crate::domain::markdown::{self, Block};
use crate::error::Result;

/// Texts of a request at most; how long they are is bounded by the body.
const TEXTS: usize = 100;

/// What to read.
#[derive(Debug, ToSchema)]
pub struct MarkdownTexts {
    /// The texts, each by itself.
    #[schema(example = json!(["Because **blue** light\nis scattered most."]), min_items = 1, max_items = 100)]
    texts: Vec<String>,
}

/// What the texts say.
#[derive(Debug, Serialize, ToSchema)]
pub struct MarkdownDocuments {
    /// The blocks of each text, in the order of the texts.
    // Members stand by their names' order, so that the document is the same however maps are kept.
    #[schema(example = json!([[{
        "children": ["Because ", {"children": ["blue"], "kind": "strong"}, " light\nis scattered most."],
        "end": 41,
        "kind": "paragraph",
    }]]))]
    documents: Vec<Vec<Block>>,
}

/// Read Markdown
///
/// Each text becomes a tree of words that a page can show by its own elements. A tree holds no HTML: what looks like it
/// is text, an image is a link, and a link leads to `http`, `https` or `mailto`. Nothing is stored.
#[utoipa::path(post, path = "/markdown", tag = "messages", request_body = MarkdownTexts, security(("bearer" = [])),
    responses((status = 200, description = "The trees", body = MarkdownDocuments)))]
pub async fn read_markdown(_: Caller, input: Input<MarkdownTexts>) -> Result<Json<MarkdownDocuments>> {
    let documents = input.body.texts.iter().map(|text| markdown::blocks(text)).collect();
    Ok(Json(StatusCode::OK, MarkdownDocuments { documents }))
}

impl Form for MarkdownTexts {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.texts("texts", 1..=TEXTS).map(|texts| Self { texts })
    }
}
