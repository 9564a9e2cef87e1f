//! The browser's own trace of what it did, as its developers' tools record it.

use serde_json::{Value as Json, json};

use super::Browser;

/// What is recorded: every frame with what became of it, and every task with the time its thread worked on it.
const CATEGORIES: [&str; 3] =
    ["devtools.timeline", "disabled-by-default-devtools.timeline", "disabled-by-default-devtools.timeline.frame"];
/// What is read of a trace at once.
const PIECE: usize = 4_000_000;

/// What a trace says of how smoothly something went.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Frames that had something new to show.
    pub frames: usize,
    /// Those of them that came too late, where a person would have seen it.
    pub dropped: usize,
    /// Those that were shown with parts still missing.
    pub with_gaps: usize,
    /// The longest task of the page's own thread: milliseconds that it really worked.
    pub longest_task: f64,
}

impl Browser {
    /// Begins to record. One trace at a time.
    pub async fn begin_trace(&self) {
        let settings = json!({"transferMode": "ReturnAsStream", "traceConfig": {"includedCategories": CATEGORIES}});
        self.cdp("Tracing.start", settings).await;
    }

    /// Ends the recording and reads it. `number` counts the traces of this browser from one: the event that names their
    /// streams does not come through chromedriver, but streams are numbered.
    pub async fn end_trace(&self, number: usize) -> Trace {
        self.cdp("Tracing.end", json!({})).await;
        let mut text = String::new();
        loop {
            let piece = self.eventually("a trace", async || self.read_stream(number).await).await;
            text.push_str(piece["data"].as_str().unwrap());
            if piece["eof"] == true {
                break;
            }
        }
        let told: Json = serde_json::from_str(&text).unwrap();
        Trace::read(told["traceEvents"].as_array().unwrap())
    }

    /// The next part of a stream; nothing while it is not there.
    async fn read_stream(&self, number: usize) -> Option<Json> {
        let wanted = json!({"handle": number.to_string(), "size": PIECE});
        self.driver().cdp().send_raw("IO.read", wanted).await.ok()
    }
}

impl Trace {
    fn read(events: &[Json]) -> Self {
        let mut trace = Self::default();
        let threads = || events.iter().filter(|event| event["name"] == "thread_name");
        let main = threads().filter(|event| event["args"]["name"] == "CrRendererMain");
        let main: Vec<[&Json; 2]> = main.map(|event| [&event["pid"], &event["tid"]]).collect();
        for event in events {
            match event["name"].as_str() {
                Some("PipelineReporter") if event["ph"] == "b" => trace.count(&event["args"]["frame_reporter"]),
                Some("RunTask") if main.contains(&[&event["pid"], &event["tid"]]) => {
                    let worked = event["tdur"].as_f64().unwrap_or_default() / 1000.0;
                    trace.longest_task = trace.longest_task.max(worked);
                }
                _ => {}
            }
        }
        trace
    }

    fn count(&mut self, frame: &Json) {
        let state = frame["state"].as_str().unwrap_or_default();
        if state == "STATE_NO_UPDATE_DESIRED" {
            return;
        }
        self.frames += 1;
        self.dropped += usize::from(state == "STATE_DROPPED" && frame["affects_smoothness"] == true);
        self.with_gaps += usize::from(frame["has_missing_content"] == true);
    }
}
