//! A client as a person's app would be one.

use std::net::SocketAddr;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// Sends requests, with a token once it has one.
#[derive(Clone, Debug)]
pub struct Client {
    pub http: reqwest::Client,
    pub address: SocketAddr,
    /// The access token.
    pub token: Option<String>,
    /// What the sign-in answered.
    pub tokens: Value,
    /// The number it signed in with.
    pub mobile: String,
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body, where it is JSON.
    pub body: Value,
}

impl Answer {
    /// The code of a problem, or nothing.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// A header's text, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Insists on a status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Insists on a problem, whole and well-formed.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json; charset=utf-8");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["type"], format!("/problems/{code}"));
        assert_eq!(self.body["instance"], self.header("x-request-id"));
        assert!(self.body["detail"].is_string() && self.body["title"].is_string());
        self
    }

    /// Insists on a refusal of one member.
    #[track_caller]
    pub fn expect_flaw(self, pointer: &str, code: &str) -> Self {
        let this = self.expect_problem(422, "validation_failed");
        assert_eq!(this.body["errors"], json!([{"pointer": pointer, "code": code}]), "{}", this.text);
        this
    }
}

impl Client {
    /// A client of the server at that address.
    pub fn new(address: SocketAddr) -> Self {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls())
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { http, address, token: None, tokens: Value::Null, mobile: String::new() }
    }

    /// Signs in with a code, as the documented flow goes.
    pub async fn sign_in(mut self, mobile: &str) -> Self {
        let sent = self.post("/auth/send-otp", json!({"mobile": mobile})).await.expect(200);
        let code = json!({"mobile": mobile, "otp": sent.body["otp"], "challenge_id": sent.body["challenge_id"]});
        self.tokens = self.post("/auth/verify-otp", code).await.expect(200).body;
        self.token = self.tokens["access_token"].as_str().map(ToOwned::to_owned);
        mobile.clone_into(&mut self.mobile);
        self
    }

    /// Makes a room and answers with its id.
    pub async fn room(&self) -> String {
        let made = self.post("/chatroom", json!({"name": "A room"})).await.expect(201);
        made.body["id"].as_str().unwrap().to_owned()
    }

    /// Sends a message into a room.
    pub async fn say(&self, room: &str, content: &str) -> Answer {
        self.post(&format!("/chatroom/{room}/message"), json!({"content": content})).await
    }

    /// Messages used today.
    pub async fn used(&self) -> u64 {
        self.get("/user/me").await.expect(200).body["quota"]["used"].as_u64().unwrap()
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).header("content-type", "application/json").body(body.to_string()))
            .await
    }

    /// PATCH of JSON.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).header("content-type", "application/json").body(body.to_string()))
            .await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// POST of JSON with further headers.
    pub async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let mut request = self.request(Method::POST, path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.to_string())).await
    }

    /// A request to be finished by the test, with the token if there is one.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("http://{}{path}", self.address));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request and reads its answer.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let mut response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = if headers.get("content-type").is_some_and(|kind| kind == "text/event-stream") {
            // A stream has no end: of it, what comes first is the answer.
            String::from_utf8(response.chunk().await.unwrap().unwrap_or_default().to_vec()).unwrap()
        } else {
            response.text().await.unwrap()
        };
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, headers, text, body }
    }
}

/// No certificate is ever asked for here; building this is cheaper than reading the system's.
fn tls() -> rustls::ClientConfig {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
}
