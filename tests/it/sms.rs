//! Texts to phones: those who carry them, their stand-ins, and the way of a code from a request to a phone.

use std::time::Duration;

use pollux::domain::otp::{Code, Purpose};
use pollux::domain::phone::Phone;
use pollux::domain::time::{Clock, Timestamp};
use pollux::fakes::sms::{ACCOUNT, FakeTwilio, RunningTwilio, SERVICE, TOKEN, VERIFY_SERVICE};
use pollux::providers::otp_sender::{OtpMessage, Rejection, RejectionKind, SendOutcome, Text, Variables};
use pollux::providers::sender_twilio::{TwilioOrigin, TwilioSender, TwilioSettings};
use pollux::providers::sender_twilio_verify::TwilioVerifySender;
use serde_json::{Value, json};

use crate::harness::client::Answer;
use crate::harness::{Client, Engine, NOON, TestApp};

mod countries;
mod exchanges;
mod fake;
mod once;
mod pumping;
mod reports;
mod secrecy;
mod signatures;
mod way;
mod webhook;

const CONTRACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contracts/sms");
/// What the recorded texts say.
const BODY: &str = "123456 is your Example App code. It expires in 5 minutes. Do not share it.";
/// A number that gets its texts.
const NUMBER: &str = "+15005550006";
/// When the examples begin.
const START: i64 = 1_795_255_200;

fn read(path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(format!("{CONTRACT}/{path}")).unwrap()).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn settings(base_url: String) -> TwilioSettings {
    TwilioSettings { base_url, total: Duration::from_secs(1), ..TwilioSettings::new(ACCOUNT, TOKEN.into()) }
}

fn service() -> TwilioOrigin {
    TwilioOrigin::Service(SERVICE.to_owned())
}

async fn twilio() -> (RunningTwilio, TwilioSender, TwilioVerifySender) {
    let server = FakeTwilio::start(Clock::manual(at(START))).await.unwrap();
    let sender = TwilioSender::new(settings(server.base_url()), service(), None).unwrap();
    let verify = TwilioVerifySender::new(settings(server.base_url()), VERIFY_SERVICE).unwrap();
    (server, sender, verify)
}

/// The text of the examples, to any number, even one that is none.
fn message(to: &str) -> OtpMessage {
    OtpMessage {
        id: "msg_0193d1f66c1e7c529a0e1f0c7f0f4a11".into(),
        to: Phone::from_stored(to.to_owned()),
        code: Code::parse("123456").unwrap(),
        text: Text(BODY.into()),
        template: "code_v1",
        variables: Variables(vec![("code", "123456".into()), ("minutes", "5".into())]),
        locale: "en",
        purpose: Purpose::Login,
        expires_in: Duration::from_mins(5),
        previous: None,
    }
}

fn rejected(kind: RejectionKind) -> SendOutcome {
    SendOutcome::Rejected(Rejection::from(kind))
}

/// A server whose codes go to phones, and the carrier that has them.
struct Phones {
    app: TestApp,
    twilio: RunningTwilio,
}

/// How a server's settings say that codes go to phones.
fn by_twilio(base_url: &str) -> Vec<(&str, &str)> {
    vec![
        ("CODE_DELIVERY", "twilio"),
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TWILIO_AUTH_TOKEN", TOKEN),
        ("TWILIO_MESSAGING_SERVICE_SID", SERVICE),
        ("TWILIO_VERIFY_SERVICE_SID", VERIFY_SERVICE),
        ("TWILIO_API_BASE", base_url),
        ("SMS_COUNTRIES", "US,IN"),
        ("PUBLIC_URL", "https://app.example.com"),
    ]
}

impl Phones {
    async fn start(engine: Engine) -> Self {
        Self::start_with(engine, &[]).await
    }

    async fn start_with(engine: Engine, more: &[(&str, &str)]) -> Self {
        let twilio = FakeTwilio::start(Clock::manual(NOON)).await.unwrap();
        let base_url = twilio.base_url();
        let mut settings = by_twilio(&base_url);
        settings.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        settings.extend(more);
        let app = TestApp::start_with(engine, &settings).await;
        Self { app, twilio }
    }

    /// Asks for a code.
    async fn ask(&self, number: &str) -> Answer {
        self.app.client().post("/auth/send-otp", json!({"mobile": number})).await
    }

    /// Asks for a code and lets the worker send it.
    async fn send(&self, number: &str) -> Answer {
        let answer = self.ask(number).await.expect(200);
        self.app.run_jobs().await;
        answer
    }

    /// The code that came last to a number.
    fn code(&self, number: &str) -> String {
        let body = self.twilio.fake.inbox(number).pop().unwrap().body;
        body.split(|char: char| !char.is_ascii_digit()).find(|word| word.len() >= 6).unwrap().to_owned()
    }

    /// Signs in with the code that came last.
    async fn sign_in(&self, number: &str) -> Answer {
        self.app.client().post("/auth/verify-otp", json!({"mobile": number, "otp": self.code(number)})).await
    }

    /// One column of the newest challenge.
    async fn newest(&self, column: &str) -> String {
        let sql = format!("select {column} from challenges order by created_at desc, id desc limit 1");
        self.app.rows(&sql).await[0][0].clone()
    }

    async fn jobs(&self) -> i64 {
        self.app.count("select count(*) from jobs").await
    }

    fn metrics(&self) -> String {
        self.app.house.app.metrics.text()
    }
}

/// A number that gets its texts, in a block of its own.
fn number(index: usize) -> String {
    format!("+1212{:03}{:04}", index % 1_000, 1 + index / 1_000)
}

/// Somebody's client, at an address of their own behind a proxy.
async fn ask_from(client: &Client, address: &str, number: &str) -> Answer {
    client.post_with("/auth/send-otp", &[("x-forwarded-for", address)], json!({"mobile": number})).await
}

/// Runs one test on both engines, each with what it needs started by itself.
macro_rules! on_each_engine {
    ($($(#[$meta:meta])* async fn $test:ident($engine:ident) $body:block)+) => {$(
        $(#[$meta])*
        mod $test {
            #[allow(unused_imports)]
            use super::*;

            async fn run($engine: $crate::harness::Engine) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                run($crate::harness::Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                if let Some(engine) = $crate::harness::Engine::postgres().await {
                    run(engine).await;
                }
            }
        }
    )+};
}
use on_each_engine;
