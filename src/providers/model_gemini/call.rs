//! One call: asks, then hands on the text as it comes, with a deadline on every wait.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{RequestBuilder, Response};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::reader::AnswerReader;
use super::{GeminiSettings, Inner, fault, request};
use crate::providers::model::{ModelError, ModelFault, Piece, Prompt};

/// The most that is read of an error or of a model's description.
const MAX_SIDE_BODY: usize = 64 * 1024;

type Item = Result<Piece, ModelError>;

/// Where a call stands between two pieces.
enum Step {
    Ask(Arc<Inner>, Prompt),
    Read(Box<Reading>),
    Say(Item),
    Over,
}

struct Reading {
    inner: Arc<Inner>,
    model: String,
    body: Body,
    reader: AnswerReader,
}

/// The body of a response, read with patience and no more than that.
struct Body {
    response: Response,
    patience: Patience,
}

/// When to stop waiting.
struct Patience {
    next_by: Instant,
    end_by: Instant,
    gap: Duration,
}

/// Streams one answer; the call begins with the first poll and ends when the stream is dropped.
pub(super) fn answer(inner: Arc<Inner>, prompt: Prompt) -> BoxStream<'static, Item> {
    stream::unfold(Step::Ask(inner, prompt), next).boxed()
}

async fn next(step: Step) -> Option<(Item, Step)> {
    match step {
        Step::Ask(inner, prompt) => match ask(inner, prompt).await {
            Ok(reading) => Some(reading.next().await),
            Err(failure) => Some((Err(failure), Step::Over)),
        },
        Step::Read(reading) => Some(reading.next().await),
        Step::Say(item) => Some((item, Step::Over)),
        Step::Over => None,
    }
}

async fn ask(inner: Arc<Inner>, prompt: Prompt) -> Result<Box<Reading>, ModelError> {
    let patience = Patience::start(&inner.settings);
    let address = inner.address(&prompt.model, ":streamGenerateContent?alt=sse")?;
    let body = request::body(&prompt, inner.settings.thinking_level.as_deref())?;
    let call = inner.client.post(address).header(CONTENT_TYPE, "application/json").body(body);
    let body = send(&inner, call, patience).await?;
    let reader = AnswerReader::new(inner.settings.max_text);
    Ok(Box::new(Reading { inner, model: prompt.model, body, reader }))
}

async fn send(inner: &Inner, call: RequestBuilder, patience: Patience) -> Result<Body, ModelError> {
    let key = inner.key().map_err(|_| fault::because(ModelFault::Misconfigured, "the key can't be sent"))?;
    let sent = timeout_at(patience.deadline(), call.header("x-goog-api-key", key).send()).await;
    let response = sent.map_err(|_| too_late())?.map_err(|failure| broken(&failure))?;
    let status = response.status();
    let mut body = Body { response, patience };
    if status.is_success() {
        return Ok(body);
    }
    if status.is_redirection() {
        return Err(fault::away(format!("status {}: no redirect is followed", status.as_u16())));
    }
    let retry_after = body.retry_after();
    let told = body.read_all().await.unwrap_or_default();
    Err(fault::from_response(status.as_u16(), retry_after, &told))
}

impl Reading {
    async fn next(mut self: Box<Self>) -> (Item, Step) {
        loop {
            let mut text = String::new();
            let last = match self.body.read().await {
                Ok(Some(bytes)) => self.reader.push(&bytes, &mut text).err().map(Err),
                Ok(None) => Some(self.finish(&mut text)),
                Err(failure) => Some(Err(failure)),
            };
            match last {
                Some(last) if text.is_empty() => return (last, Step::Over),
                Some(last) => return (Ok(Piece::Text(text)), Step::Say(last)),
                None if text.is_empty() => {}
                None => return (Ok(Piece::Text(text)), Step::Read(self)),
            }
        }
    }

    fn finish(&mut self, text: &mut String) -> Item {
        let ending = self.reader.finish(text)?;
        if let Some(stage) = self.reader.fading_stage() {
            self.inner.warn_of(&self.model, stage);
        }
        Ok(Piece::End(ending))
    }
}

impl Body {
    async fn read(&mut self) -> Result<Option<Bytes>, ModelError> {
        let read = timeout_at(self.patience.deadline(), self.response.chunk()).await;
        let bytes = read.map_err(|_| too_late())?.map_err(|failure| broken(&failure))?;
        self.patience.next_by = Instant::now() + self.patience.gap;
        Ok(bytes)
    }

    async fn read_all(&mut self) -> Result<Vec<u8>, ModelError> {
        let mut all = Vec::new();
        while let Some(bytes) = self.read().await? {
            if all.len() + bytes.len() > MAX_SIDE_BODY {
                return Err(fault::away("the body is too long"));
            }
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }

    fn retry_after(&self) -> Option<Duration> {
        let seconds = self.response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse::<u32>().ok()?;
        Some(Duration::from_secs(seconds.into()))
    }
}

impl Patience {
    fn start(settings: &GeminiSettings) -> Self {
        let now = Instant::now();
        Self { next_by: now + settings.first_byte, end_by: now + settings.total, gap: settings.gap }
    }

    fn deadline(&self) -> Instant {
        self.next_by.min(self.end_by)
    }
}

fn too_late() -> ModelError {
    fault::away("no answer in time")
}

/// A broken connection, in our own words: the client's would name the whole address.
fn broken(failure: &reqwest::Error) -> ModelError {
    fault::away(if failure.is_connect() { "no connection" } else { "the connection broke" })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Description {
    supported_generation_methods: Option<Vec<String>>,
}

/// Asks for a model's description and whether it can answer.
pub(super) async fn probe(inner: &Inner, model: &str) -> Result<(), ModelError> {
    let patience = Patience::start(&inner.settings);
    let mut body = send(inner, inner.client.get(inner.address(model, "")?), patience).await?;
    let description: Description = serde_json::from_slice(&body.read_all().await?)
        .map_err(|_| fault::away("the model's description is not the JSON we know"))?;
    let methods = description.supported_generation_methods.unwrap_or_default();
    if methods.iter().any(|method| method == "generateContent") {
        return Ok(());
    }
    Err(fault::because(ModelFault::Misconfigured, "this model does not generate content"))
}
