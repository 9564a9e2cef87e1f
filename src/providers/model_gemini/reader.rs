//! Reads the body of an answer as it comes, in whatever pieces the network cuts it.
//!
//! Own parser, because a standard one drops what matters most here: Gemini may end a stream of status 200 with a bare
//! JSON error outside any event, and a stream cut inside an event must not pass for a finished one.

use serde_json::Value;

use super::answer::Answer;
use super::chunk::{Chunk, each};
use super::fault::{away, error_in, from_error};
use crate::providers::model::{Ending, ModelError};

/// How many bytes of body are taken for each byte of text allowed: every event repeats the usage and more.
const BODY_PER_TEXT: usize = 32;

/// The longest error that is read: the longest ever seen has 2 KiB.
const MAX_ERROR: usize = 64 * 1024;

/// Turns the bytes of one body into text and one ending: a stream of events, a JSON object, or a JSON list.
#[derive(Debug)]
pub struct AnswerReader {
    max_text: usize,
    body_bytes: usize,
    /// The line not yet ended or, once a line was no event, everything from there on.
    pending: Vec<u8>,
    is_tail: bool,
    /// The data of the event not yet ended.
    event: Option<Vec<u8>>,
    any_event: bool,
    answer: Answer,
}

/// What a line of an event stream is.
enum Line<'a> {
    Data(&'a [u8]),
    EventEnd,
    Ignored,
    Foreign,
}

impl AnswerReader {
    /// A reader that refuses an answer with more than `max_text` bytes of text.
    #[must_use]
    pub fn new(max_text: usize) -> Self {
        Self {
            max_text,
            body_bytes: 0,
            pending: Vec::new(),
            is_tail: false,
            event: None,
            any_event: false,
            answer: Answer::default(),
        }
    }

    /// Takes the next bytes and appends the text in them to `text`, also when it then finds an error.
    pub fn push(&mut self, mut bytes: &[u8], text: &mut String) -> Result<(), ModelError> {
        self.body_bytes = self.body_bytes.saturating_add(bytes.len());
        if self.body_bytes > self.max_text.saturating_mul(BODY_PER_TEXT) {
            return Err(away("the body is too long"));
        }
        while !self.is_tail {
            let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else { break };
            let (line, rest) = bytes.split_at(end + 1);
            self.hold(line)?;
            self.take_line(text)?;
            bytes = rest;
        }
        self.hold(bytes)
    }

    /// Says what became of the answer, after its body ended cleanly; the text of a body that was no stream comes now.
    pub fn finish(&mut self, text: &mut String) -> Result<Ending, ModelError> {
        let pending = std::mem::take(&mut self.pending);
        let rest = pending.trim_ascii();
        let open_event = self.event.take();
        refuse_error_in(open_event.as_deref().unwrap_or_default())?;
        refuse_error_in(rest.strip_prefix(b"data:").unwrap_or(rest))?;
        if open_event.is_some() {
            return Err(away("the body ended inside an event"));
        }
        if !rest.is_empty() {
            self.take_plain_body(rest, text)?;
        }
        self.answer.end()
    }

    /// The model's stage of life, where it is neither stable nor a preview.
    #[must_use]
    pub fn fading_stage(&self) -> Option<&str> {
        self.answer.fading_stage.as_deref()
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        // Escapes may double the text, and an event carries more than text.
        let max_held = self.max_text.saturating_mul(2).saturating_add(64 * 1024);
        let held = self.pending.len() + self.event.as_ref().map_or(0, Vec::len);
        if held.saturating_add(bytes.len()) > max_held {
            return Err(away("a line or an event is too long"));
        }
        self.pending.extend_from_slice(bytes);
        Ok(())
    }

    fn take_line(&mut self, text: &mut String) -> Result<(), ModelError> {
        let line = std::mem::take(&mut self.pending);
        match kind_of(&line) {
            Line::Data(data) => {
                let event = self.event.get_or_insert_default();
                event.extend_from_slice(data);
                event.push(b'\n');
            }
            Line::EventEnd => self.take_event(text)?,
            Line::Ignored => {}
            Line::Foreign => {
                self.is_tail = true;
                self.pending = line;
            }
        }
        Ok(())
    }

    fn take_event(&mut self, text: &mut String) -> Result<(), ModelError> {
        let Some(event) = self.event.take() else { return Ok(()) };
        self.any_event = true;
        let chunk: Chunk = serde_json::from_slice(&event).map_err(|_| away("an event is not the JSON we know"))?;
        if chunk.is_error() {
            refuse_error_in(&event)?;
        }
        self.take_chunk(chunk, text)
    }

    /// Takes a body that is no stream: one response, or a list of them.
    fn take_plain_body(&mut self, body: &[u8], text: &mut String) -> Result<(), ModelError> {
        if self.any_event {
            return Err(away("there is more after the last event"));
        }
        let unknown = |_| away("the body is not the JSON we know");
        if !body.starts_with(b"[") {
            return self.take_chunk(serde_json::from_slice(body).map_err(unknown)?, text);
        }
        let mut list = serde_json::Deserializer::from_slice(body);
        let mut taken = Ok(());
        each(&mut list, |chunk| {
            if taken.is_ok() {
                taken = self.take_chunk(chunk, text);
            }
        })
        .map_err(unknown)?;
        list.end().map_err(unknown)?;
        taken
    }

    fn take_chunk(&mut self, chunk: Chunk, text: &mut String) -> Result<(), ModelError> {
        if chunk.is_error() {
            return Err(away("an error too long to read"));
        }
        self.answer.take(chunk, self.max_text, text)
    }
}

fn refuse_error_in(bytes: &[u8]) -> Result<(), ModelError> {
    if bytes.is_empty() || bytes.len() > MAX_ERROR {
        return Ok(());
    }
    let json: Value = serde_json::from_slice(bytes).unwrap_or_default();
    error_in(&json).map_or(Ok(()), |error| Err(from_error(None, error)))
}

fn kind_of(line: &[u8]) -> Line<'_> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if let Some(data) = line.strip_prefix(b"data:") {
        return Line::Data(data);
    }
    let is_known = line.starts_with(b":") || [b"event:", b"retry:"].iter().any(|field| line.starts_with(*field));
    match line {
        [] => Line::EventEnd,
        _ if is_known || line.starts_with(b"id:") => Line::Ignored,
        _ => Line::Foreign,
    }
}
