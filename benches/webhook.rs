//! How soon an event of the payment provider is answered at 200 a second, beside a bare axum route that checks the same
//! signature, in the same run; and how soon the plan follows. Letters leave by the clock, whether or not earlier ones
//! were answered, and each is timed from when it should have left.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use pollux::config::{Config, Settings};
use pollux::domain::ids::UserId;
use pollux::domain::otp::Purpose;
use pollux::domain::phone::Phone;
use pollux::domain::plan::Tier;
use pollux::domain::time::Clock;
use pollux::fakes::stripe::{FakeStripe, FakeStripeSettings};
use pollux::providers::payments_stripe::signature::{sign, verify};
use pollux::serve::{self, Limits, Stop};
use pollux::services::auth::{CodeWish, Guess};
use pollux::services::{auth, checkout};
use pollux::start::{self, House};
use pollux::worker;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const SECRET: &str = "whsec_of_the_bench";
const PER_SECOND: u32 = 200;
const SECONDS: u32 = 10;
const CUSTOMERS: usize = 100;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() {
    let home = tempfile::tempdir_in(std::env::var("BENCH_DIR").unwrap_or_else(|_| "target".to_owned())).unwrap();
    let stripe = FakeStripeSettings { webhook_secret: SECRET.to_owned(), ..FakeStripeSettings::new(Clock::System) };
    let stripe = FakeStripe::start(stripe).await.unwrap();
    let house = open(home.path(), &stripe.base_url()).await;
    let app = house.app.clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits { max_per_peer: 0, ..Limits::default() };
    tokio::spawn(serve::serve(listener, house.router(), limits, Stop::new()));
    let stop = CancellationToken::new();
    tokio::spawn(worker::run(app.clone(), stop.clone(), stop.clone(), Duration::from_secs(1)));
    let bare = bare().await;
    let mut customers = Vec::new();
    for number in 0..CUSTOMERS {
        let user = user(&house, number).await;
        checkout::start(&app, user).await.unwrap();
        customers.push((user, app.db.customer(user).await.unwrap().unwrap().id));
    }

    println!("\n{PER_SECOND} events a second for {SECONDS} s, {CUSTOMERS} customers, the worker reading each\n");
    println!("{:<26} {:>9} {:>9} {:>9} {:>9}", "", "p50 ms", "p99 ms", "max ms", "refused");
    for round in 0..3 {
        show("bare, signature checked", load(bare, &customers, round).await);
        show("webhook", load(address, &customers, round).await);
    }
    let mut spans = Vec::new();
    for (user, customer) in customers.iter().take(50) {
        stripe.fake.subscribe(customer, "price_pro");
        let client = reqwest::Client::new();
        send(&client, address, &format!("evt_plan_{customer}"), customer).await;
        let told = Instant::now();
        while app.db.user(*user).await.unwrap().unwrap().tier != Tier::Pro {
            assert!(told.elapsed() < Duration::from_secs(10), "the plan never came");
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        spans.push(told.elapsed());
    }
    spans.sort();
    println!("\nfrom the webhook's answer to the plan: median {:?}, worst of 50 {:?}", spans[25], spans[49]);
    stop.cancel();
}

fn show(what: &str, (mut spans, refused): (Vec<Duration>, usize)) {
    spans.sort();
    let ms = |at: usize| spans[at.min(spans.len() - 1)].as_secs_f64() * 1_000.0;
    let (middle, late, last) = (ms(spans.len() / 2), ms(spans.len() * 99 / 100), ms(spans.len() - 1));
    println!("{what:<26} {middle:>9.2} {late:>9.2} {last:>9.2} {refused:>9}");
}

/// Sends by the clock and answers with how long each answer took, and how many were no success.
async fn load(address: SocketAddr, customers: &[(UserId, String)], round: u32) -> (Vec<Duration>, usize) {
    let client = reqwest::Client::new();
    let began = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for number in 0..PER_SECOND * SECONDS {
        let due = began + Duration::from_secs(1) / PER_SECOND * number;
        tokio::time::sleep_until(due.into()).await;
        let (client, customer) = (client.clone(), customers[number as usize % customers.len()].1.clone());
        let id = format!("evt_{round}_{number}");
        running.spawn(async move { (send(&client, address, &id, &customer).await, due.elapsed()) });
    }
    let ended = running.join_all().await;
    let refused = ended.iter().filter(|(is_taken, _)| !is_taken).count();
    (ended.into_iter().map(|(_, span)| span).collect(), refused)
}

async fn send(client: &reqwest::Client, address: SocketAddr, id: &str, customer: &str) -> bool {
    let now = Clock::System.now();
    let body = format!(
        r#"{{"id":"{id}","object":"event","type":"invoice.paid","created":{},"livemode":false,
            "data":{{"object":{{"id":"in_1","object":"invoice","customer":"{customer}"}}}}}}"#,
        now.as_secs()
    );
    let signed = sign(SECRET, body.as_bytes(), now);
    let sent = client.post(format!("http://{address}/webhook/stripe")).header("stripe-signature", signed).body(body);
    sent.send().await.is_ok_and(|answer| answer.status().is_success())
}

async fn bare() -> SocketAddr {
    let check = async |State(secrets): State<Arc<[SecretString; 1]>>, headers: HeaderMap, body: Bytes| {
        let header = headers.get("stripe-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
        match verify(header, &body, &secrets[..], Clock::System.now()) {
            Ok(()) => StatusCode::OK,
            Err(_) => StatusCode::BAD_REQUEST,
        }
    };
    let router = Router::new().route("/webhook/stripe", post(check)).with_state(Arc::new([SecretString::from(SECRET)]));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    address
}

async fn open(home: &std::path::Path, stripe: &str) -> House {
    let home = home.display().to_string();
    let mut pairs = vec![
        ("DATA_DIR", home.as_str()),
        ("JWT_SECRET", "k7Qf2vXw9LmT4sZr8YbN1cJ6hGdP3aUe"),
        ("OTP_SENDS_PER_ADDRESS_HOUR", "0"),
        ("STRIPE_SECRET_KEY", "sk_test_a1b2c3d4e5f6"),
        ("STRIPE_WEBHOOK_SECRET", SECRET),
        ("STRIPE_PRICE_ID_PRO", "price_pro"),
        ("STRIPE_API_BASE", stripe),
    ];
    let database = std::env::var("BENCH_DATABASE_URL").ok();
    pairs.extend(database.as_deref().map(|url| ("DATABASE_URL", url)));
    let config = Config::read(&Settings::from_pairs(pairs)).unwrap();
    start::open(config, Clock::System, None).await.unwrap()
}

async fn user(house: &House, number: usize) -> UserId {
    let app = &house.app;
    let phone = Phone::parse(&format!("+1500{number:03}0000"), None).unwrap();
    let address = [127, 0, 0, 1].into();
    let wish = CodeWish { phone: &phone, purpose: Purpose::Login, device_token: None, address, locale: None };
    let sent = auth::send_code(app, wish).await.unwrap();
    let (code, challenge) = (sent.echo.unwrap(), Some(sent.challenge_id));
    auth::verify_code(app, &Guess { phone: &phone, code: &code, challenge, address }).await.unwrap().user.id
}
