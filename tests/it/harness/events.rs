//! A reader of a stream of events, as a client's library would be one.

use std::time::Duration;

use serde_json::Value as Json;
use tokio::time::timeout;

use super::Client;

/// More than anything that is about to happen takes.
const SOON: Duration = Duration::from_secs(20);

/// An event as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What one comes back with, where it carries that.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Its data.
    pub data: Json,
}

/// An open stream.
pub struct Events {
    /// The answer's head.
    pub headers: reqwest::header::HeaderMap,
    response: reqwest::Response,
    rest: Vec<u8>,
    /// Bytes that came in all.
    pub bytes: usize,
    /// Comments that came.
    pub comments: usize,
    /// The last `retry` that came.
    pub retry: Option<String>,
}

impl Client {
    /// Watches a room, from the place where an earlier stream was cut if there was one.
    pub async fn watch(&self, room: &str, place: Option<&str>) -> Events {
        let request = self.request(reqwest::Method::GET, &format!("/chatroom/{room}/stream"));
        let request = place.into_iter().fold(request, |request, place| request.header("last-event-id", place));
        Events::open(request).await
    }
}

impl Events {
    /// Sends a request whose answer is a stream.
    pub async fn open(request: reqwest::RequestBuilder) -> Self {
        let response = request.header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        Self::of(response)
    }

    /// As [`Self::open`]; none while nobody answers, or only to say that it can't be done now.
    pub async fn try_open(request: reqwest::RequestBuilder) -> Option<Self> {
        let response = request.header("accept", "text/event-stream").send().await.ok()?;
        let status = response.status().as_u16();
        assert!(matches!(status, 200 | 429 | 503), "{status}");
        (status == 200).then(|| Self::of(response))
    }

    fn of(response: reqwest::Response) -> Self {
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let headers = response.headers().clone();
        Self { headers, response, rest: Vec::new(), bytes: 0, comments: 0, retry: None }
    }

    /// The next event, which comments are not; none when the stream has ended or was cut.
    pub async fn next(&mut self) -> Option<Event> {
        self.next_within(SOON).await
    }

    /// As [`Self::next`], where that takes longer.
    pub async fn next_within(&mut self, span: Duration) -> Option<Event> {
        let told = async {
            loop {
                if let Some(event) = self.block().await? {
                    return Some(event);
                }
            }
        };
        timeout(span, told).await.expect("nothing came")
    }

    /// Waits until so many comments have come in all.
    pub async fn comments_within(&mut self, count: usize, span: Duration) {
        let told = async {
            while self.comments < count {
                let event = self.block().await.expect("the stream ended");
                assert_eq!(event, None, "nothing was to happen");
            }
        };
        timeout(span, told).await.expect("nothing came");
    }

    /// What stands up to the next empty line: an event, or something else; none at the end.
    async fn block(&mut self) -> Option<Option<Event>> {
        loop {
            if let Some(end) = self.rest.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.rest.drain(..end + 2).collect();
                return Some(self.read(&String::from_utf8(block).unwrap()));
            }
            let chunk = self.response.chunk().await.ok().flatten()?;
            self.bytes += chunk.len();
            self.rest.extend(chunk);
        }
    }

    fn read(&mut self, block: &str) -> Option<Event> {
        let (mut id, mut name, mut data) = (None, None, None);
        for line in block.lines() {
            match line.split_once(": ").unwrap_or((line, "")) {
                ("id", value) => id = Some(value.to_owned()),
                ("event", value) => name = Some(value.to_owned()),
                ("data", value) => data = Some(serde_json::from_str(value).unwrap()),
                ("retry", value) => self.retry = Some(value.to_owned()),
                ("" | ":", _) => self.comments += 1,
                other => panic!("{other:?} in {block:?}"),
            }
        }
        Some(Event { id, name: name?, data: data? })
    }

    /// Reads on until an event of that name.
    pub async fn until(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("the stream ended before {name}"));
            if event.name == name {
                return event;
            }
        }
    }
}

/// The text of one reply as a client puts it together, which insists that nothing is missing or comes twice.
#[derive(Debug, Default)]
pub struct Joined {
    /// The text.
    pub text: String,
    /// Which try it is of.
    pub attempt: u64,
    /// Where to come back to.
    pub place: Option<String>,
    /// The final message.
    pub last: Option<Json>,
    /// How many ends came.
    pub ends: usize,
}

impl Joined {
    /// Takes what an event says of the text.
    pub fn take(&mut self, event: &Event) {
        if let Some(id) = &event.id {
            self.place = Some(id.clone());
        }
        let text = || event.data["text"].as_str().unwrap();
        match event.name.as_str() {
            "reply.started" => self.attempt = event.data["attempt"].as_u64().unwrap(),
            "reply.delta" => {
                assert_eq!(event.data["offset"], self.text.chars().count(), "a gap or a repetition: {event:?}");
                self.text.push_str(text());
            }
            "reply.reset" => {
                self.attempt = event.data["attempt"].as_u64().unwrap();
                text().clone_into(&mut self.text);
            }
            "reply.finished" => {
                self.ends += 1;
                self.last = Some(event.data["message"].clone());
            }
            _ => {}
        }
    }
}
