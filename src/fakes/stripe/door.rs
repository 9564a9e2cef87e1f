//! The door of the calls: who asks, in which version, under which key; only then anything is done.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use bytes::Bytes;

use super::form::Form;
use super::reply::Reply;
use super::world::World;
use super::{Call, FakeStripe};
use crate::providers::payments_stripe::API_VERSION;

pub(super) async fn handle(
    State(fake): State<FakeStripe>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let in_body = String::from_utf8_lossy(&body);
    let form = Form::parse(if method == Method::POST { &in_body } else { uri.query().unwrap_or("") });
    let call = Call::new(&method, &uri, &headers, &form);
    let slow = fake.world().begin_slowly(&method, &call, &form);
    if let Some(span) = slow {
        tokio::time::sleep(span).await;
        fake.world().forget_key(call.idempotency_key.as_deref());
    }
    fake.act(|world| world.answer(&method, call, &form)).serve()
}

impl World {
    /// Takes the key of a call that is to be slow, so that it is in use meanwhile.
    fn begin_slowly(&mut self, method: &Method, call: &Call, form: &Form) -> Option<Duration> {
        let span = self.slows_next.take()?;
        if let Some(key) = &call.idempotency_key {
            self.take_key(key, &fingerprint(method, call, form));
        }
        Some(span)
    }

    /// Answers a call, and writes down what became of it.
    fn answer(&mut self, method: &Method, mut call: Call, form: &Form) -> Reply {
        let reply = self.scripted.pop_front().unwrap_or_else(|| {
            let request_id = self.id("req_");
            let reply = self.check(method, &mut call, form, &request_id);
            let reply = if std::mem::take(&mut self.loses_next) { reply.lost() } else { reply };
            reply.header("request-id", &request_id)
        });
        call.status = reply.status;
        self.log(call);
        reply
    }

    fn check(&mut self, method: &Method, call: &mut Call, form: &Form, request_id: &str) -> Reply {
        if let Err(refused) = caller(call) {
            return refused;
        }
        let key = call.idempotency_key.clone().filter(|_| *method == Method::POST);
        let Some(key) = key else { return self.make_call(method, &call.path, form) };
        let (outcome, kept) = self.take_key(&key, &fingerprint(method, call, form));
        call.outcome = Some(outcome);
        if let Some(kept) = kept {
            return kept.header("idempotency-key", &key);
        }
        let reply = self.make_call(method, &call.path, form);
        self.keep_answer(&key, &reply, request_id);
        reply.header("idempotency-key", &key)
    }

    fn make_call(&mut self, method: &Method, path: &str, form: &Form) -> Reply {
        let path: Vec<&str> = path.trim_start_matches("/v1/").trim_matches('/').split('/').collect();
        self.call(method, &path, form).map_or_else(|refused| refused, |object| Reply::json(200, &object))
    }
}

fn fingerprint(method: &Method, call: &Call, form: &Form) -> String {
    format!("{method} {} {}", call.path, form.fingerprint())
}

/// Key and version, before anything else is looked at.
fn caller(call: &Call) -> Result<(), Reply> {
    let refuse = |message: &str| {
        Reply::error(401, "invalid_request_error", "", "", message).header("www-authenticate", "Basic realm=\"Stripe\"")
    };
    if call.key.is_empty() {
        return Err(refuse("You did not provide an API key."));
    }
    if !call.key.starts_with("sk_test_") && !call.key.starts_with("rk_test_") {
        return Err(refuse("Invalid API Key provided."));
    }
    if call.version != API_VERSION {
        return Err(Reply::invalid("", "", &format!("Invalid Stripe API version: {}", call.version)));
    }
    Ok(())
}

impl Call {
    fn new(method: &Method, uri: &Uri, headers: &HeaderMap, form: &Form) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            method: method.to_string(),
            path: uri.path().to_owned(),
            form: form.pairs().to_vec(),
            key: header("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap_or("").to_owned(),
            version: header("stripe-version").unwrap_or("").to_owned(),
            idempotency_key: header("idempotency-key").map(ToOwned::to_owned),
            outcome: None,
            status: 0,
        }
    }
}
