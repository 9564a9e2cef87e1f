//! The door of the calls: who asks, and for what; only then anything is done.

use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use base64::Engine as _;
use bytes::Bytes;

use super::answers::Reply;
use super::world::{Call, World};
use super::{ACCOUNT, FakeTwilio, TOKEN, VERIFY_SERVICE, form};

pub(super) async fn handle(
    State(fake): State<FakeTwilio>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
    let call = Call {
        path: uri.path().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
        authorization: header("authorization"),
        content_type: header("content-type"),
    };
    let (reply, delay) = {
        let mut world = fake.world();
        (world.answer(&method, &call), world.delay)
    };
    tokio::time::sleep(delay).await;
    reply.serve()
}

impl World {
    fn answer(&mut self, method: &Method, call: &Call) -> Reply {
        self.calls.push(call.clone());
        if let Some(reply) = self.scripted.pop_front() {
            return reply;
        }
        let reply = self.check_and_do(method, call);
        if std::mem::take(&mut self.loses_next) { reply.lost() } else { reply }
    }

    fn check_and_do(&mut self, method: &Method, call: &Call) -> Reply {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{ACCOUNT}:{TOKEN}"));
        if call.authorization != format!("Basic {pair}") {
            return Reply::error(401, 20003, "Authenticate");
        }
        let no_such = || Reply::error(404, 20404, "The requested resource was not found");
        if method != Method::POST || call.content_type != "application/x-www-form-urlencoded" {
            return no_such();
        }
        let fields = form::parse(&call.body);
        let (messages, verify) =
            (format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json"), format!("/v2/Services/{VERIFY_SERVICE}/"));
        match call.path.strip_prefix(&verify) {
            Some("Verifications") => self.verify(&fields),
            Some("VerificationCheck") => self.check(&fields),
            Some(rest) => match rest.strip_prefix("Verifications/") {
                Some(sid) => self.close(sid, &fields),
                None => no_such(),
            },
            None if call.path == messages => self.take_message(&fields),
            None => no_such(),
        }
    }
}
