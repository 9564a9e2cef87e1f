//! A stand-in for Stripe: it keeps customers, checkouts, subscriptions and time, signs and delivers its events, and
//! breaks on demand. Its state is the judge of what a customer has. Served by the demo as well, on whose pages no money
//! is taken.

mod calls;
mod controls;
mod door;
mod form;
mod idempotency;
mod life;
mod lists;
mod pages;
mod post;
mod post_faults;
mod reply;
mod restore;
mod shapes;
mod world;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub use self::controls::Payment;
pub use self::idempotency::KeyOutcome;
pub use self::life::GivingUp;
pub use self::post::Delivery;
pub use self::post_faults::Forgery;
pub use self::reply::Reply;
use self::world::World;
use crate::domain::time::Clock;
use crate::error::{Error, Result};
use crate::providers::outbound;

/// What the stand-in sells, and whom it tells.
#[derive(Clone, Debug)]
pub struct FakeStripeSettings {
    /// Where its time comes from; what it signs is signed at this time.
    pub clock: Clock,
    /// The price of the one thing it sells; `price_other` is there too, as a foreign product.
    pub price_id: String,
    /// What it signs its events with.
    pub webhook_secret: String,
    /// Whom it tells; nobody leaves the letters in the post.
    pub webhook_url: Option<String>,
    /// Where its pages are reached; empty is its own address, once it listens.
    pub pages_url: String,
    /// What becomes of a subscription whose payments all failed.
    pub giving_up: GivingUp,
}

impl FakeStripeSettings {
    /// A stand-in that sells `price_pro` and tells nobody yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            price_id: "price_pro".to_owned(),
            webhook_secret: format!("whsec_{:032x}", rand::random::<u128>()),
            webhook_url: None,
            pages_url: String::new(),
            giving_up: GivingUp::Cancel,
        }
    }
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The parameters, from the body or the query, decoded, lists numbered.
    pub form: Vec<(String, String)>,
    /// The key that was named.
    pub key: String,
    /// The version of the interface that was named.
    pub version: String,
    /// The idempotency key, where there was one.
    pub idempotency_key: Option<String>,
    /// What became of that key; nothing where the call did not come so far.
    pub outcome: Option<KeyOutcome>,
    /// The status of the answer; 0 while it runs.
    pub status: u16,
}

/// The handle of a stand-in; clones are the same one.
#[derive(Clone, Debug)]
pub struct FakeStripe(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    world: Mutex<World>,
    /// Rung when a letter goes into the post.
    bell: Notify,
    client: reqwest::Client,
}

/// A stand-in that listens, until it is dropped.
#[derive(Debug)]
pub struct RunningStripe {
    /// Tells it what to do, and what it was asked.
    pub fake: FakeStripe,
    address: SocketAddr,
    server: JoinHandle<std::io::Result<()>>,
}

impl FakeStripe {
    /// Prepares a stand-in; see [`Self::start`], [`Self::router`] and [`Self::keep_delivering`] for its three lives.
    pub fn new(settings: FakeStripeSettings) -> Result<Self> {
        let client = outbound::client(Duration::from_secs(2))?;
        Ok(Self(Arc::new(Shared { world: Mutex::new(World::new(settings)), bell: Notify::new(), client })))
    }

    /// Listens on a free loopback port.
    pub async fn start(settings: FakeStripeSettings) -> Result<RunningStripe> {
        let fake = Self::new(settings)?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::internal)?;
        let address = listener.local_addr().map_err(Error::internal)?;
        if fake.world().settings.pages_url.is_empty() {
            fake.world().settings.pages_url = format!("http://{address}");
        }
        let server = tokio::spawn(axum::serve(listener, fake.router()).into_future());
        Ok(RunningStripe { fake, address, server })
    }

    /// The whole of it: the calls under `/v1`, and the pages.
    pub fn router(&self) -> Router {
        Self::pages().fallback(door::handle).with_state(self.clone())
    }

    /// The pages alone, for a caller that shows them at an address of its own.
    pub fn pages_router(&self) -> Router {
        Self::pages().with_state(self.clone())
    }

    fn pages() -> Router<Self> {
        Router::new()
            .route("/c/pay/{id}", get(pages::show_checkout).post(pages::finish_checkout))
            .route("/p/session/{id}", get(pages::show_portal).post(pages::use_portal))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, does what is due before and after, and rings for the letters that came of it.
    fn act<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.world();
        world.settle();
        let outcome = act(&mut world);
        world.settle();
        drop(world);
        self.0.bell.notify_one();
        outcome
    }
}

impl RunningStripe {
    /// What the client's base address must be.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for RunningStripe {
    fn drop(&mut self) {
        self.server.abort();
    }
}
