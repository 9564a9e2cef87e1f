//! Answers that come late, or are others than the server's: the page's own `fetch` is wrapped.

use serde_json::{Value as Json, json};

use crate::harness::browser::Browser;

/// Wraps `fetch` before anything of the page runs. What is held is named in the tab's own storage, so that a reload holds
/// it too; a stream is held before it is asked for, any other answer once it is there.
const GATES: &str = r#"
const real = window.fetch;
const waiting = {};
const kinds = [
  ["send", "POST", /\/message$/], ["list", "GET", /\/messages\?/], ["stream", "GET", /\/stream$/],
  ["rooms", "GET", /\/chatroom\?/], ["code", "POST", /\/send-otp$/],
];
const kept = (name) => JSON.parse(sessionStorage.getItem(name) ?? "{}");
const passed = (kind) => kept("held")[kind] && new Promise((pass) => (waiting[kind] ??= []).push(pass));
window.streams = [];
window.release = (kind) => {
  sessionStorage.setItem("held", JSON.stringify({ ...kept("held"), [kind]: undefined }));
  (waiting[kind] ?? []).splice(0).forEach((pass) => pass());
};
window.fetch = async (path, options) => {
  const kind = kinds.find(([, method, form]) => method === options.method && form.test(path))?.[0];
  if (kind === "stream") {
    window.streams.push(options.signal);
    await passed(kind);
  }
  const other = kept("others")[kind];
  const answer = other
    ? new Response(JSON.stringify(other.body), { status: other.status, headers: { "Content-Type": "application/json" } })
    : await real(path, options);
  if (kind !== "stream") await passed(kind);
  return answer;
};
"#;

const SET: &str = r#"
const [place, kind, value] = arguments;
const all = { ...JSON.parse(sessionStorage.getItem(place) ?? "{}"), [kind]: value };
sessionStorage.setItem(place, JSON.stringify(all));
"#;

impl Browser {
    /// Puts the gates up for every page from now on, and opens the page anew.
    pub async fn put_up_gates(&self) {
        self.cdp("Page.addScriptToEvaluateOnNewDocument", json!({"source": format!("{{{GATES}}}")})).await;
        self.driver().refresh().await.unwrap();
    }

    /// Holds back answers of a kind: `send`, `list`, `stream`, `rooms` or `code`.
    pub async fn hold(&self, kind: &str) {
        self.eval_with(SET, vec![json!("held"), json!(kind), json!(true)]).await;
    }

    /// Lets through what is held of a kind, and what comes.
    pub async fn release(&self, kind: &str) {
        self.eval_with("release(arguments[0])", vec![json!(kind)]).await;
    }

    /// Answers in the server's place; with nothing, the server answers again.
    pub async fn answer(&self, kind: &str, status: u16, body: Option<Json>) {
        let other = body.map(|body| json!({"status": status, "body": body}));
        self.eval_with(SET, vec![json!("others"), json!(kind), json!(other)]).await;
    }
}
