//! Stand-ins for those who carry texts: Twilio's Messages and Verify with an inbox for each number, numbers that are
//! refused in every known way, signed reports, and answers that get lost; and a receiver of signed webhooks.

mod answers;
mod door;
mod form;
mod magic;
pub mod receiver;
mod reports;
mod verify;
mod world;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use self::answers::Reply;
pub use self::magic::number_for;
pub use self::reports::Signed;
use self::world::World;
pub use self::world::{Call, Sms};
use crate::domain::time::Clock;
use crate::error::{Error, Result};
use crate::providers::outbound;

/// The account of the stand-in.
pub const ACCOUNT: &str = "AC00000000000000000000000000000000";
/// Its token.
pub const TOKEN: &str = "example_auth_token";
/// Its pool of senders.
pub const SERVICE: &str = "MG11111111111111111111111111111111";
/// Its own number.
pub const FROM: &str = "+15551234567";
/// Its Verify service.
pub const VERIFY_SERVICE: &str = "VA22222222222222222222222222222222";

/// The handle of a stand-in; clones are the same one.
#[derive(Clone, Debug)]
pub struct FakeTwilio(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    world: Mutex<World>,
    client: reqwest::Client,
}

/// A stand-in that listens, until it is dropped.
#[derive(Debug)]
pub struct RunningTwilio {
    /// Tells it what to do, and what it was asked.
    pub fake: FakeTwilio,
    address: SocketAddr,
    server: JoinHandle<std::io::Result<()>>,
}

impl FakeTwilio {
    /// Listens on a free loopback port.
    pub async fn start(clock: Clock) -> Result<RunningTwilio> {
        let client = outbound::client(Duration::from_secs(2))?;
        let fake = Self(Arc::new(Shared { world: Mutex::new(World::new(clock)), client }));
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::internal)?;
        let address = listener.local_addr().map_err(Error::internal)?;
        let router = Router::new().fallback(door::handle).with_state(fake.clone());
        let server = tokio::spawn(axum::serve(listener, router).into_future());
        Ok(RunningTwilio { fake, address, server })
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has come to a number, oldest first.
    #[must_use]
    pub fn inbox(&self, number: &str) -> Vec<Sms> {
        self.world().texts.iter().filter(|sms| sms.to == number).cloned().collect()
    }

    /// All that was sent, oldest first.
    #[must_use]
    pub fn texts(&self) -> Vec<Sms> {
        self.world().texts.clone()
    }

    /// What it was asked, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.world().calls.clone()
    }

    /// Answers the next call that has no answer yet with this, and does nothing.
    pub fn then(&self, reply: Reply) {
        self.world().scripted.push_back(reply);
    }

    /// Does what the next call asks, and cuts the connection before the answer.
    pub fn lose_next_answer(&self) {
        self.world().loses_next = true;
    }

    /// Does what the next calls ask, and keeps each answer back so long.
    pub fn answer_after(&self, span: Duration) {
        self.world().delay = span;
    }
}

impl RunningTwilio {
    /// What the client's base address must be.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for RunningTwilio {
    fn drop(&mut self) {
        self.server.abort();
    }
}
